"""Runs that are executed side by side, the last one first: they get their slots in the order in which they arrived."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from prefect.client.schemas.objects import StateType
from prefect.states import Cancelled

from compiler.plan import ApprovalRule, Concurrency
from flows import arrival
from triggers.reconcile.ended_runs import EndedRuns
from triggers.reconcile.granted_slots import QUEUED


def fresh() -> str:
    """A workflow of the test's own: what others have left behind would be waited for."""
    return f"arrival-{uuid4().hex[:8]}"


async def end_cancelled(bench: Any, runs: list[Any]) -> None:
    """What a worker does with runs that were cancelled while it executed them."""
    for each in runs:
        state = (await bench.client.read_flow_run(each.id)).state
        if state.type == StateType.CANCELLING:
            await bench.client.set_flow_run_state(each.id, Cancelled(), force=True)
    await EndedRuns(client=bench.client, records=bench.records)()


async def execute_all(bench: Any, runs: list[Any], *, rounds: int) -> None:
    """Execute the runs together, the newest first, and again those that go on."""
    waiting = list(reversed(runs))
    for _ in range(rounds):
        await asyncio.gather(*(bench.execute(each) for each in waiting), return_exceptions=True)
        await end_cancelled(bench, runs)
        states = {each.id: (await bench.client.read_flow_run(each.id)).state for each in runs}
        waiting = [each for each in reversed(runs) if states[each.id].is_scheduled()]
        if not waiting:
            return
        await asyncio.sleep(1)
        granted = [each for each in waiting if states[each.id].name != QUEUED]
        waiting = granted or waiting


async def test_the_queue_is_worked_off_in_order_although_the_last_run_begins_first(
    bench, node, monkeypatch
) -> None:
    monkeypatch.setattr(arrival, "WAIT_LIMIT", arrival.WAIT_LIMIT * 10)  # a loaded machine proves nothing
    bench.sandbox.answer("work", {})
    plan = await bench.deploy(
        node("work", inputs={"place": "{{ context.place }}"}), concurrency=Concurrency(limit=1), name=fresh()
    )
    runs = [await bench.start(plan, context={"place": place}) for place in range(1, 6)]
    await execute_all(bench, runs, rounds=10)
    assert [request.inputs["place"] for request in bench.sandbox.requests] == [1, 2, 3, 4, 5]


async def test_the_newest_is_kept_although_it_begins_first(bench, node, monkeypatch) -> None:
    monkeypatch.setattr(arrival, "WAIT_LIMIT", arrival.WAIT_LIMIT * 10)
    plan = await bench.deploy(
        node("fix", gate=ApprovalRule()),
        concurrency=Concurrency(limit=1, on_conflict="cancel-older"),
        name=fresh(),
    )
    runs = [await bench.start(plan, context={"place": place}) for place in range(1, 5)]
    await execute_all(bench, runs, rounds=10)
    ends = [await bench.record(each) for each in runs]
    assert [run.status for run in ends] == ["FAILED", "FAILED", "FAILED", "WAITING_APPROVAL"]
    assert all(run.message.startswith("cancelled: the newer run") for run in ends[:3])


async def test_one_that_nobody_executes_holds_others_up_only_for_a_while(bench, node, monkeypatch) -> None:
    monkeypatch.setattr(arrival, "WAIT_LIMIT", arrival.WAIT_LIMIT / 60)
    plan = await bench.deploy(node("fix", gate=ApprovalRule()), concurrency=Concurrency(limit=1), name=fresh())
    first, second = [await bench.start(plan) for _ in range(2)]
    assert (await bench.execute(second)).is_paused()
    assert (await bench.execute(first)).name == QUEUED


async def test_another_key_waits_for_nobody(bench, node) -> None:
    plan = await bench.deploy(
        node("fix", gate=ApprovalRule()), concurrency=Concurrency(limit=1, key="{{ context.key }}"), name=fresh()
    )
    await bench.start(plan, context={"key": "a"})
    other = await bench.start(plan, context={"key": "b"})
    async with asyncio.timeout(arrival.WAIT_LIMIT.total_seconds() - 2):
        assert (await bench.execute(other)).is_paused()


@pytest.mark.parametrize("late", [False, True])
async def test_one_that_comes_too_late_for_cancel_older_ends_itself(bench, node, monkeypatch, late) -> None:
    monkeypatch.setattr(arrival, "WAIT_LIMIT", arrival.WAIT_LIMIT * 0)
    plan = await bench.deploy(
        node("fix", gate=ApprovalRule()),
        concurrency=Concurrency(limit=1, on_conflict="cancel-older"),
        name=fresh(),
    )
    first, second = [await bench.start(plan) for _ in range(2)]
    for each in (second, first) if late else (first, second):
        await bench.execute(each)
    assert (await bench.record(second)).status == "WAITING_APPROVAL"
    ended = await bench.record(first)
    assert (ended.status, ended.message) == (
        "FAILED",
        f"cancelled: the newer run {(await bench.record(second)).id} takes its place",
    )
