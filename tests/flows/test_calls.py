"""A node that runs another workflow: on a real Prefect server, with the records of both runs."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from prefect.client.schemas.filters import FlowFilter, FlowFilterName
from prefect.exceptions import Abort
from prefect.states import AwaitingRetry, Scheduled

from agents.sandbox.port import AgentFailure, AgentResult
from compiler.plan import ApprovalRule, Call, Plan
from flows.calls import wait_for_calls
from operations.run_acts import cancel_run, retry_run
from operations.run_detail import run_detail
from records.approvals.audit import Actor
from tests.flows.test_overtaken import Overtaken
from triggers.reconcile.called_runs import WAITS_FOR_CALL, CalledRuns

ANN = Actor(name="Ann", verified=True, channel="api")
TEXT = {"text": "{{ nodes.say.output.text }}"}


class Calls:
    """A parent with a node `ask` that calls a child with a node `say`."""

    def __init__(self, bench: Any, node: Any, name: str) -> None:
        self.bench, self.node, self.name = bench, node, name

    async def deploy(self, *more: Any, say: Any = None) -> Plan:
        child = await self.bench.deploy(
            say or self.node("say", inputs={"word": "{{ context.word }}"}), name=f"{self.name}-child", outputs=TEXT
        )
        ask = self.node(
            "ask",
            agent="workflow",
            action=child.name,
            inputs={"word": "{{ context.word }}"},
            calls=Call(workflow=child.name, plan=child.digest),
        )
        after = self.node("after", "ask", inputs={"got": "{{ nodes.ask.output.text }}"})
        return await self.bench.deploy(ask, after, *more, name=self.name)

    async def called(self, parent: Any) -> Any:
        """Prefect's run of the child."""
        calls = await self.bench.records.open_calls((await self.bench.record(parent)).id)
        return await self.bench.client.read_flow_run(UUID(calls["ask"]))

    async def count(self) -> int:
        """How many runs of the child Prefect has."""
        named = FlowFilter(name=FlowFilterName(any_=[f"{self.name}-child"]))
        return len(await self.bench.client.read_flow_runs(flow_filter=named))

    async def state(self, flow_run: Any) -> Any:
        return (await self.bench.client.read_flow_run(flow_run.id)).state


@pytest.fixture
def calls(bench: Any, node: Any, request: Any) -> Calls:
    bench.sandbox.answer("say", lambda request: AgentResult(output={"text": f"<{request.inputs['word']}>"}))
    bench.sandbox.answer("after", {})
    return Calls(bench, node, f"calls-{abs(hash(request.node.name)) % 10**8}")


async def test_a_node_runs_another_workflow_and_its_outputs_come_back(bench: Any, calls: Calls) -> None:
    parent = await bench.start(await calls.deploy(), context={"word": "hi"}, triggered_by="ada")

    waiting = await bench.execute(parent)
    child = await calls.called(parent)
    newer = await bench.deploy(calls.node("other"), name=f"{calls.name}-child")
    ended = await bench.execute(child)
    woken = await calls.state(parent)
    state = await bench.execute(parent)

    assert waiting.name == WAITS_FOR_CALL
    assert ended.is_completed(), ended.message
    assert woken.is_scheduled()
    assert woken.name != WAITS_FOR_CALL, "the child's end wakes the parent"
    assert state.is_completed(), state.message
    assert bench.sandbox.requests[-1].inputs == {"got": "<hi>"}
    outer, inner = await bench.record(parent), await bench.record(child)
    assert inner.plan_digest != newer.digest, "it runs the version that was checked"
    assert (inner.parent_run_id, inner.parent_node) == (outer.id, "ask")
    assert (inner.trigger, inner.triggered_by) == (f"workflow:{calls.name}", "ada")
    shown = (await run_detail(bench.records, outer.id, project_id=1)).as_json()
    assert [(each["node"], each["runId"], each["status"]) for each in shown["called"]] == [
        ("ask", inner.id, "SUCCESS")
    ]
    assert (await run_detail(bench.records, inner.id, project_id=1)).as_json()["run"]["parentRunId"] == outer.id


async def test_prefect_draws_the_called_run_inside_its_callers(bench: Any, calls: Calls) -> None:
    parent = await bench.start(await calls.deploy(), context={"word": "hi"})
    await bench.execute(parent)
    child = await calls.called(parent)
    assert child.parent_task_run_id is not None
    assert (await bench.execute(child)).is_completed()
    assert (await bench.execute(parent)).is_completed()

    nodes = await drawn(bench, parent, 2)
    inner = next(each for each in nodes if each["kind"] == "flow-run")
    after = next(each for each in nodes if each["label"] == "after")
    assert (inner["id"], inner["state_type"]) == (str(child.id), "COMPLETED")
    assert {each["id"] for each in after["parents"]} == {str(child.id)}
    assert {each["id"] for each in inner["children"]} == {after["id"]}
    stands = await bench.client.read_task_run(child.parent_task_run_id)
    assert (stands.name, stands.flow_run_id, stands.state.name) == ("ask", parent.id, "Completed")


async def drawn(bench: Any, flow_run: Any, count: int) -> list[dict[str, Any]]:
    """The nodes of the run's graph, once Prefect has so many; it takes task runs in a little later."""
    deadline = time.monotonic() + 60
    while True:
        found = (await bench.client._client.get(f"/flow_runs/{flow_run.id}/graph-v2")).json()["nodes"]
        if len(found) == count or time.monotonic() > deadline:
            assert len(found) == count, found
            return [each for _, each in found]
        await asyncio.sleep(0.2)


async def test_one_that_dies_after_the_call_starts_no_second_run(bench: Any, calls: Calls) -> None:
    parent = await bench.start(await calls.deploy(), context={"word": "hi"})
    whole = bench.services
    bench.services = replace(whole, records=Overtaken(bench.records, before="note_call"))
    with pytest.raises(Abort):
        await bench.execute(parent)
    assert await bench.records.open_calls((await bench.record(parent)).id) == {}

    bench.services = whole
    await bench.client.set_flow_run_state(parent.id, AwaitingRetry(), force=True)
    assert (await bench.execute(parent)).name == WAITS_FOR_CALL
    child = await calls.called(parent)
    assert (await bench.execute(child)).is_completed()

    assert (await bench.execute(parent)).is_completed()
    assert await calls.count() == 1
    assert (await bench.record(child)).parent_run_id == (await bench.record(parent)).id


async def test_a_gate_inside_is_the_called_runs_own_and_one_outside_does_not_hold_it_up(
    bench: Any, node: Any, calls: Calls
) -> None:
    bench.sandbox.answer("fix", {})
    gated = node("say", gate=ApprovalRule(), risk="APPROVAL_REQUIRED", inputs={"word": "{{ context.word }}"})
    plan = await calls.deploy(node("fix", gate=ApprovalRule(), risk="APPROVAL_REQUIRED"), say=gated)
    parent = await bench.start(plan, context={"word": "hi"})

    assert (await bench.execute(parent)).is_paused(), "its own gate asks"
    child = await calls.called(parent)
    assert child.parent_task_run_id is None, "Prefect suspends no subflow"
    assert (await bench.execute(child)).is_paused()
    inner = await bench.record(child)
    assert [
        each.run_id for each in await bench.records.approvals(1, status="PENDING") if each.node_id == "say"
    ] == [inner.id]
    decided = await bench.records.decide(
        (inner.id, "say"), decision="APPROVED", by="Bob", verified=True, channel="api"
    )
    assert decided.applied, decided.reason
    await bench.resume(child)
    assert (await bench.execute(child)).is_completed()

    assert (await calls.state(parent)).is_scheduled(), "woken, although its own gate is open"
    assert (await bench.execute(parent)).is_paused()
    assert "after" in bench.ran()


async def test_a_failure_inside_fails_the_node_and_a_retry_calls_anew(bench: Any, calls: Calls) -> None:
    broken = AgentResult(failure=AgentFailure(kind="exit", message="it broke"))
    bench.sandbox.answer("say", broken, {"text": "better"})
    parent = await bench.start(await calls.deploy(), context={"word": "hi"})
    await bench.execute(parent)
    child = await calls.called(parent)
    await bench.execute(child)

    failed = await bench.execute(parent)
    await retry_run(
        (await bench.record(parent)).id, records=bench.records, client=bench.client, by=ANN, project_id=1
    )
    assert (await bench.execute(parent)).name == WAITS_FOR_CALL
    again = await calls.called(parent)
    assert (await bench.execute(again)).is_completed()

    assert failed.is_failed()
    assert f"run {(await bench.record(child)).id} of workflow" in failed.message
    assert "it broke" in failed.message
    assert again.id != child.id
    assert (await bench.execute(parent)).is_completed()


async def test_what_is_called_ends_with_its_caller(bench: Any, calls: Calls) -> None:
    plan = await calls.deploy()
    acting = {"records": bench.records, "client": bench.client, "by": ANN, "project_id": 1}
    # Cancelled by us, before a worker has taken the child.
    first = await bench.start(plan, context={"word": "hi"})
    await bench.execute(first)
    unborn = await calls.called(first)
    await cancel_run((await bench.record(first)).id, **acting)
    assert (await calls.state(unborn)).is_cancelled()
    # Ended from outside, while the child waits for a worker.
    second = await bench.start(plan, context={"word": "hi"})
    await bench.execute(second)
    child = await calls.called(second)
    await bench.records.finish_run((await bench.record(second)).id, "FAILED", "deleted")
    state = await bench.execute(child)
    assert state.is_failed()
    assert "which called it, has ended" in state.message
    # Ended from outside, while the child waits for a call of its own.
    third = await bench.start(plan, context={"word": "hi"})
    await bench.execute(third)
    child = await calls.called(third)
    made = await bench.records.start_run(
        flow_run_id=str(child.id), plan_digest=child.parameters["plan"], trigger="workflow:x", context={}
    )
    await bench.records.finish_run((await bench.record(third)).id, "FAILED", "deleted")
    assert await CalledRuns(client=bench.client, records=bench.records)() == 1
    assert (await bench.records.run(made)).status == "FAILED"
    assert (await calls.state(child)).is_cancelled()


async def test_one_that_cannot_start_or_is_lost_fails_the_node_with_the_reason(bench: Any, calls: Calls) -> None:
    plan = await calls.deploy()
    lost = await bench.start(plan, context={"word": "hi"})
    await bench.execute(lost)
    await bench.client.delete_flow_run((await calls.called(lost)).id)
    await bench.client.set_flow_run_state(lost.id, AwaitingRetry(), force=True)  # it looks again by itself
    state = await bench.execute(lost)
    assert state.is_failed()
    assert "was deleted in Prefect" in state.message

    await bench.records.set_workflow_status(1, f"{calls.name}-child", "ARCHIVED")
    late = await bench.execute(await bench.start(plan, context={"word": "hi"}))
    assert late.is_failed()
    assert "is ARCHIVED" in late.message


async def test_one_whose_wish_to_wait_comes_twice_does_not_wait_after_its_end(bench: Any, calls: Calls) -> None:
    """Prefect's answer to the first was lost, and the run was woken and ended elsewhere before the second."""
    bench.sandbox.answer("say", AgentResult(failure=AgentFailure(kind="exit", message="it broke")))
    parent = await bench.start(await calls.deploy(), context={"word": "hi"})
    await bench.execute(parent)
    await bench.execute(await calls.called(parent))
    assert (await bench.execute(parent)).is_failed()

    run = await bench.record(parent)
    again: Any = SimpleNamespace(flow_run_id=str(parent.id), run_id=run.id)
    with pytest.raises(Abort, match="has ended"):
        await wait_for_calls([], run=again, records=bench.records)
    assert (await calls.state(parent)).is_failed()

    # Whoever sent it may be killed before it can take it back: then the run looks by itself, and nobody has retried it.
    await bench.client.set_flow_run_state(parent.id, Scheduled(name=WAITS_FOR_CALL))
    assert (await bench.execute(parent)).is_failed()
    assert bench.ran() == ["say"]
    assert (await bench.records.run(run.id)).reopened == 0
