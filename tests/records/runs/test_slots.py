"""Places of workflows with `concurrency`: never more than the limit, first come first served, freed by every end."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from records import OtherRun, Records, Slot, StaleAttempt


async def take(records: Records, run_id: str, *, key: str = "k", limit: int = 1, wait: bool = True) -> bool:
    return (await records.take_place(run_id, key=key, limit=limit, wait=wait)).held


@pytest.fixture
async def three(begin: Any) -> list[str]:
    return [await begin(flow_run_id=f"flow-{number}") for number in range(3)]


async def test_places_are_given_in_order_and_by_the_end_of_a_run(records: Records, three: list[str]) -> None:
    first, second, third = three
    assert [await take(records, each) for each in three] == [True, False, False]
    assert await take(records, first)
    assert not await take(records, second)
    await records.finish_run(first, "SUCCESS")
    assert [each.run_id for each in await records.granted_runs()] == [second]
    assert not await take(records, third)
    await records.set_run_status(second, "RUNNING")
    assert await records.granted_runs() == []
    await records.finish_run(second, "FAILED", "cancelled")
    assert await take(records, third)


async def test_a_run_that_ends_in_the_queue_holds_nobody_up(records: Records, three: list[str]) -> None:
    first, second, third = three
    for each in three:
        await take(records, each)
    await records.finish_run(second, "FAILED", "cancelled")
    await records.finish_run(first, "SUCCESS")
    assert await take(records, third)


async def test_keys_share_nothing_and_a_limit_counts_runs(records: Records, three: list[str]) -> None:
    first, second, third = three
    assert await take(records, first, key="a")
    assert await take(records, second, key="b")
    assert await take(records, third, key="a", limit=2)


async def test_who_does_not_wait_stands_in_no_queue(records: Records, three: list[str]) -> None:
    first, second, third = three
    await take(records, first)
    place = await records.take_place(second, key="k", limit=1, wait=False)
    assert not place.held
    assert [(each.run_id, each.flow_run_id) for each in place.before] == [(first, "flow-0")]
    await records.finish_run(first, "SUCCESS")
    assert await take(records, third)


async def test_a_run_that_was_taken_over_or_has_ended_takes_no_place(records: Records, three: list[str]) -> None:
    first, second, third = three
    fencing_token = await records.claim_run(first)
    await records.claim_run(first)
    with pytest.raises(StaleAttempt):
        await records.take_place(first, key="k", limit=1, wait=True, fencing_token=fencing_token)
    await records.finish_run(second, "SUCCESS")
    with pytest.raises(StaleAttempt):
        await take(records, second)
    assert await take(records, third)


async def test_many_at_once_never_hold_more_than_the_limit(records: Records, begin: Any) -> None:
    runs = [await begin(flow_run_id=f"flow-{number}") for number in range(12)]
    waiting, turns = set(runs), 0
    while waiting:
        held = {
            run
            for run, ok in zip(
                sorted(waiting),
                await asyncio.gather(*(take(records, run, limit=3) for run in sorted(waiting))),
                strict=True,
            )
            if ok
        }
        assert 0 < len(held) <= 3
        await asyncio.gather(*(records.finish_run(run, "SUCCESS") for run in held))
        waiting -= held
        turns += 1
    assert turns == 4


async def test_slots_go_by_arrival_however_late_a_run_asks(records: Records, three: list[str]) -> None:
    first, second, third = three
    moment = datetime(2026, 3, 1, 9, tzinfo=UTC)

    async def ask(run_id: str, place: int) -> Slot:
        arrived = moment + timedelta(microseconds=place)
        return await records.take_place(run_id, key="k", limit=1, wait=True, arrived=arrived)

    assert (await ask(third, 3)).held
    assert [each.run_id for each in (await ask(second, 2)).after] == [third]
    late = await ask(first, 1)
    assert (late.held, late.before, [each.run_id for each in late.after]) == (False, (), [second, third])
    assert (await ask(second, 9)).before == (OtherRun(run_id=first, flow_run_id="flow-0"),)
    await records.finish_run(third, "SUCCESS")
    assert [each.run_id for each in await records.granted_runs()] == [first]


async def test_who_has_asked_or_ended_is_known_by_prefects_id(records: Records, three: list[str]) -> None:
    first, second, _ = three
    await take(records, first)
    await records.finish_run(second, "FAILED", "cancelled")
    assert await records.have_asked(["flow-0", "flow-1", "flow-2", "unknown"]) == {"flow-0", "flow-1"}
