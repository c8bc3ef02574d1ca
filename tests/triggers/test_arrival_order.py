"""Messages handled side by side start one workflow in the order in which they arrived, and hold up no other."""

from __future__ import annotations

import asyncio

import pytest

import triggers.arrival_order
from triggers.arrival_order import ArrivalOrder


async def handle(order: ArrivalOrder, name: str, starts: str, started: list[str], *, seconds: float = 0.0) -> None:
    """One message, whose workflows are known after that time."""
    with order.arrive() as arrival:
        await asyncio.sleep(seconds)
        arrival.route([starts])
        await arrival.turn(starts)
        started.append(name)
        arrival.past(starts)


async def test_the_first_to_arrive_starts_first_however_long_it_takes() -> None:
    order, started = ArrivalOrder(), list[str]()
    handled = (handle(order, str(n), "w", started, seconds=(5 - n) / 50) for n in range(5))
    await asyncio.gather(*handled)
    assert started == ["0", "1", "2", "3", "4"]


async def test_another_workflow_waits_for_the_routing_alone() -> None:
    order, started = ArrivalOrder(), list[str]()
    with order.arrive() as slow:
        slow.route(["w"])
        await handle(order, "other", "another", started)
        waiting = asyncio.create_task(handle(order, "same", "w", started))
        await asyncio.sleep(0.02)
        assert started == ["other"]
    await waiting
    assert started == ["other", "same"]


async def test_one_that_fails_before_it_is_routed_holds_nobody_up() -> None:
    order, started = ArrivalOrder(), list[str]()

    async def fail() -> None:
        with order.arrive():
            await asyncio.sleep(0.01)
            raise ValueError("no event")

    failing = asyncio.create_task(fail())
    await asyncio.sleep(0)
    await handle(order, "next", "w", started)
    with pytest.raises(ValueError, match="no event"):
        await failing
    assert started == ["next"]


async def test_one_that_hangs_is_overtaken_in_the_end(monkeypatch) -> None:
    monkeypatch.setattr(triggers.arrival_order, "WAIT_LIMIT_SECONDS", 0.05)
    order, started = ArrivalOrder(), list[str]()
    with order.arrive():
        await handle(order, "next", "w", started)
    assert started == ["next"]
