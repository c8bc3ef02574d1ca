"""Workflow `concurrency`: how many runs go on at once, per workflow and per key, and what becomes of others."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prefect.client.schemas.objects import StateType
from prefect.states import AwaitingRetry, Cancelled

from agents.sandbox.port import AgentRequest, AgentResult
from compiler.plan import ApprovalRule, Concurrency
from triggers.reconcile.ended_runs import EndedRuns
from triggers.reconcile.granted_slots import QUEUED, WakeGranted

GATE = ApprovalRule()


async def state_of(bench: Any, flow_run: Any) -> Any:
    return (await bench.client.read_flow_run(flow_run.id)).state


async def approve(bench: Any, flow_run: Any) -> None:
    run = await bench.record(flow_run)
    await bench.records.decide((run.id, "fix"), decision="APPROVED", by="kim", verified=True, channel="api")
    await bench.resume(flow_run)


@pytest.fixture
def limited(bench: Any, node: Any) -> Any:
    """Deploys a workflow with one gated node, so that runs stay as long as a test wants them to."""

    async def deploy(**rule: Any) -> Any:
        bench.sandbox.answer("fix", {})
        concurrency = Concurrency(**{"limit": 1, **rule})
        return await bench.deploy(node("fix", gate=GATE), name="limited", concurrency=concurrency)

    return deploy


async def test_a_run_over_the_limit_waits_in_prefects_queue_and_is_pending_on_record(bench, limited) -> None:
    plan = await limited()
    first, second = await bench.start(plan), await bench.start(plan)
    assert (await bench.execute(first)).is_paused()
    state = await bench.execute(second)
    assert (state.type, state.name) == (StateType.SCHEDULED, QUEUED)
    assert (await bench.record(first)).id in state.message
    assert state.state_details.scheduled_time > datetime.now(UTC) + timedelta(minutes=1)
    assert (await bench.record(second)).status == "PENDING"
    assert bench.ran() == []


async def test_the_end_of_a_run_wakes_the_next_in_the_queue_at_once(bench, limited) -> None:
    plan = await limited()
    first, second, third = [await bench.start(plan) for _ in range(3)]
    for each in (first, second, third):
        await bench.execute(each)
    await approve(bench, first)
    assert (await bench.execute(first)).is_completed()
    woken = await state_of(bench, second)
    assert (woken.type, woken.name) == (StateType.SCHEDULED, "Scheduled")
    assert woken.state_details.scheduled_time <= datetime.now(UTC)
    assert (await state_of(bench, third)).name == QUEUED
    assert (await bench.execute(second)).is_paused()
    assert (await bench.record(second)).status == "WAITING_APPROVAL"


async def test_a_run_that_waits_for_an_approval_keeps_its_place(bench, limited) -> None:
    plan = await limited()
    first, second = await bench.start(plan), await bench.start(plan)
    await bench.execute(first)
    await bench.resume(first)  # nobody decided anything
    await bench.execute(first)
    assert (await bench.execute(second)).name == QUEUED


async def test_runs_of_different_keys_go_on_at_once_and_those_of_one_key_do_not(bench, limited) -> None:
    plan = await limited(key="{{ context.repository }}")
    names = ("a", "b", "a", None, None)
    states = []
    for name in names:
        flow_run = await bench.start(plan, context={"repository": name} if name else {})
        states.append((await bench.execute(flow_run)).name)
    assert states == ["Suspended", "Suspended", QUEUED, "Suspended", QUEUED]


async def test_a_run_cancelled_in_prefect_gives_its_place_up_once_it_is_mirrored(bench, limited) -> None:
    plan = await limited()
    first, second = await bench.start(plan), await bench.start(plan)
    await bench.execute(first)
    await bench.execute(second)
    await bench.client.set_flow_run_state(first.id, Cancelled(), force=True)
    await EndedRuns(client=bench.client, records=bench.records)()
    hook = WakeGranted(client=bench.client, records=bench.records)
    assert (await hook(), await hook()) == (1, 0)
    assert (await bench.execute(second)).is_paused()


async def test_skip_ends_a_run_over_the_limit_at_once_and_says_why(bench, limited) -> None:
    plan = await limited(on_conflict="skip")
    first, second = await bench.start(plan), await bench.start(plan)
    await bench.execute(first)
    state = await bench.execute(second)
    assert (state.type, state.name) == (StateType.CANCELLED, "Skipped")
    run = await bench.record(second)
    assert (run.status, run.message) == ("FAILED", state.message)
    assert run.message.startswith("skipped: the workflow lets 1 go on at once")
    assert (await bench.record(first)).id in run.message
    await approve(bench, first)
    assert (await bench.execute(first)).is_completed()
    assert (await bench.execute(await bench.start(plan))).is_paused()


async def test_cancel_older_ends_the_run_that_waits_and_the_newest_goes_on(bench, limited) -> None:
    plan = await limited(on_conflict="cancel-older")
    first, second = await bench.start(plan), await bench.start(plan)
    await bench.execute(first)
    assert (await bench.execute(second)).is_paused()
    assert (await state_of(bench, first)).is_cancelled()
    older = await bench.record(first)
    assert older.status == "FAILED"
    assert (await bench.record(second)).id in older.message
    gate = await bench.records.approval(older.id, "fix")
    assert (gate.status, gate.closed_as) == ("REJECTED", "run-ended")


async def test_cancel_older_keeps_as_many_as_the_limit_allows(bench, limited) -> None:
    plan = await limited(on_conflict="cancel-older", limit=2)
    runs = [await bench.start(plan) for _ in range(4)]
    for each in runs:
        await bench.execute(each)
    ended = [(await state_of(bench, each)).is_cancelled() for each in runs]
    assert ended == [True, True, False, False]


async def test_cancel_older_never_starts_before_the_older_one_has_stopped(bench, node) -> None:
    begun, stopped = asyncio.Event(), asyncio.Event()

    async def work(request: AgentRequest) -> AgentResult:
        begun.set()
        await asyncio.wait_for(stopped.wait(), timeout=120)
        return AgentResult(output={})

    bench.sandbox.answer("work", work)
    plan = await bench.deploy(node("work"), concurrency=Concurrency(limit=1, on_conflict="cancel-older"))
    first, second = await bench.start(plan), await bench.start(plan)
    going = asyncio.create_task(bench.execute(first))
    await begun.wait()
    state = await bench.execute(second)
    assert state.name == QUEUED
    assert state.state_details.scheduled_time < datetime.now(UTC) + timedelta(seconds=2)
    assert (await state_of(bench, first)).type == StateType.CANCELLING
    assert bench.ran() == ["work"]
    going.cancel()  # as a worker does when it hears of it
    await asyncio.gather(going, return_exceptions=True)
    await bench.client.set_flow_run_state(first.id, Cancelled(), force=True)
    assert await EndedRuns(client=bench.client, records=bench.records)() == 1
    ended, newer = await bench.record(first), await bench.record(second)
    assert (ended.status, ended.message) == ("FAILED", f"cancelled: the newer run {newer.id} takes its place")
    stopped.set()
    assert (await bench.execute(second)).is_completed()


async def test_a_run_that_is_tried_again_asks_for_a_place_again(bench, limited, node) -> None:
    bench.sandbox.fail("fix", "exit", "the agent ended with status 3")
    concurrency = Concurrency(limit=1)
    plan = await bench.deploy(node("fix"), node("ask", gate=GATE), name="limited", concurrency=concurrency)
    first, second = await bench.start(plan), await bench.start(plan)
    await bench.execute(first)
    run = await bench.record(first)
    await bench.records.finish_run(run.id, "FAILED", "given up")
    await bench.client.set_flow_run_state(first.id, Cancelled(), force=True)
    assert (await bench.execute(second)).is_paused()
    await bench.client.set_flow_run_state(first.id, AwaitingRetry(), force=True)
    assert (await bench.execute(first)).name == QUEUED
    assert (await bench.record(first)).status == "PENDING"
