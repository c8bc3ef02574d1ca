"""A process that stood still and wakes up beside its successor changes nothing, in Prefect as little as on record."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from prefect.client.orchestration import PrefectClient
from prefect.exceptions import Abort, Pause
from prefect.flow_runs import asuspend_flow_run
from prefect.states import AwaitingRetry

from compiler.plan import ApprovalRule
from records import Records

GATE = ApprovalRule()


class Overtaken:
    """The records of a process that stands still before or after one call, while a successor takes the run over."""

    def __init__(
        self, records: Records, *, before: str = "", after: str = "", said: str = "", then: Exception | None = None
    ) -> None:
        self._records, self._before, self._after, self._said, self._then = records, before, after, said, then

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._records, name)
        return self._standing_still(name, method) if name in (self._before, self._after) else method

    def _standing_still(self, name: str, method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def call(*args: Any, **kwargs: Any) -> Any:
            if name == self._before:
                await self._overtake()
            answer = await method(*args, **kwargs)
            if name == self._after and (not self._said or self._said in args):
                await self._overtake()
            return answer

        return call

    async def _overtake(self) -> None:
        for run in await self._records.runs():
            await self._records.claim_run(run.id)
        if self._then is not None:
            raise self._then


async def test_one_that_has_just_taken_its_lease_leaves_the_run_alone(bench, node) -> None:
    plan = await bench.deploy(node("a"))
    flow_run = await bench.start(plan)
    bench.services = replace(bench.services, records=Overtaken(bench.records, before="set_run_status"))
    with pytest.raises(Abort, match="was taken over"):
        await bench.execute(flow_run)
    assert (await bench.client.read_flow_run(flow_run.id)).state_name == "Running"
    assert (await bench.record(flow_run)).finished_at is None
    assert bench.ran() == []


async def test_whatever_it_meets_is_not_the_runs_failure(bench, node) -> None:
    plan = await bench.deploy(node("a"))
    flow_run = await bench.start(plan)
    records = Overtaken(bench.records, after="catalogue", then=RuntimeError("the successor was quicker"))
    bench.services = replace(bench.services, records=records)
    with pytest.raises(Abort, match="left to its successor: the successor was quicker"):
        await bench.execute(flow_run)
    assert (await bench.client.read_flow_run(flow_run.id)).state_name == "Running"


async def test_one_that_stood_still_before_it_could_suspend_does_not_suspend_its_successors_run(
    bench, node
) -> None:
    plan = await bench.deploy(node("a", gate=GATE))
    flow_run = await bench.start(plan)
    records = Overtaken(bench.records, after="set_run_status", said="WAITING_APPROVAL")
    bench.services = replace(bench.services, records=records)
    with pytest.raises(Abort, match="for its successor to say"):
        await bench.execute(flow_run)
    assert (await bench.client.read_flow_run(flow_run.id)).state_name == "Running"


async def test_one_that_suspends_its_successors_run_wakes_it_again(bench, node, monkeypatch) -> None:
    plan = await bench.deploy(node("a", gate=GATE))
    flow_run = await bench.start(plan)

    async def late(**options: Any) -> None:
        await bench.records.claim_run((await bench.record(flow_run)).id)
        await asuspend_flow_run(**options)

    monkeypatch.setattr("flows.run.asuspend_flow_run", late)
    state = await bench.execute(flow_run)
    assert state.is_scheduled()


async def test_one_that_stood_still_before_it_took_its_lease_does_not_take_it_from_its_successor(
    bench, node, monkeypatch
) -> None:
    monkeypatch.setattr("flows.run.TAKEOVER_SECONDS", 0.0)
    plan = await bench.deploy(node("a"))
    flow_run = await bench.start(plan)

    class Slow(Overtaken):
        async def _overtake(self) -> None:
            await bench.client.set_flow_run_state(flow_run.id, AwaitingRetry(), force=True)
            await super()._overtake()

    bench.services = replace(bench.services, records=Slow(bench.records, after="start_run"))
    with pytest.raises(Abort, match="before this execution began"):
        await bench.execute(flow_run)
    run = await bench.record(flow_run)
    assert (run.fencing_token, run.status) == (1, "PENDING")
    assert (await bench.client.read_flow_run(flow_run.id)).state_name == "AwaitingRetry"
    assert bench.ran() == []


async def test_one_that_was_slow_to_begin_goes_on_where_nobody_has_taken_the_run(bench, node, monkeypatch) -> None:
    monkeypatch.setattr("flows.run.TAKEOVER_SECONDS", 0.0)
    for each in ("a", "b"):
        bench.sandbox.answer(each, {})
    plan = await bench.deploy(node("a", gate=GATE), node("b"))
    flow_run = await bench.start(plan)
    assert (await bench.execute(flow_run)).name == "Suspended"
    await bench.records.decide(
        ((await bench.record(flow_run)).id, "a"), decision="APPROVED", by="kim", verified=True, channel="cli"
    )
    await bench.resume(flow_run)
    assert (await bench.execute(flow_run)).is_completed()
    assert bench.ran() == ["b", "a"]


async def test_neither_does_one_that_stood_still_before_its_first_line(bench, node, monkeypatch) -> None:
    plan = await bench.deploy(node("a"))
    flow_run = await bench.start(plan)
    set_state = PrefectClient.set_flow_run_state

    async def stand_still_after_it(*args: Any, **kwargs: Any) -> Any:
        answer = await set_state(*args, **kwargs)
        if answer.state is not None and answer.state.is_running():
            await set_state(bench.client, flow_run.id, AwaitingRetry(), force=True)
        return answer

    monkeypatch.setattr(PrefectClient, "set_flow_run_state", stand_still_after_it)
    with pytest.raises(Abort, match="before this execution began"):
        await bench.execute(flow_run)
    assert bench.ran() == []


async def test_a_suspension_whose_answer_was_lost_and_that_was_resumed_meanwhile_fails_no_run(
    bench, node, monkeypatch
) -> None:
    flow_run = await bench.start(await bench.deploy(node("fix", gate=GATE)))
    bench.sandbox.answer("fix", {})

    async def lost(**options: Any) -> None:
        with pytest.raises(Pause):
            await asuspend_flow_run(**options)
        await bench.resume(flow_run)
        raise RuntimeError("Flow run cannot be suspended. Received unexpected state from API: Resuming")

    monkeypatch.setattr("flows.run.asuspend_flow_run", lost)
    with pytest.raises(Abort, match="resumed already"):
        await bench.execute(flow_run)
    monkeypatch.undo()
    assert (await bench.client.read_flow_run(flow_run.id)).state_name == "Resuming"
    run = await bench.record(flow_run)
    await bench.records.decide((run.id, "fix"), decision="APPROVED", by="kim", verified=True, channel="api")
    assert (await bench.execute(flow_run)).is_completed()
