"""Gates under everything that people, other programs and accidents do to a run: none of it is an approval."""

from __future__ import annotations

import asyncio
import json
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prefect.client.schemas.objects import State
from prefect.states import AwaitingRetry, Cancelled, Crashed, Failed, Paused, Pending
from sqlalchemy import update

from agents.sandbox.port import AgentFailure, AgentRequest, AgentResult
from compiler.catalogue import ActionSpec
from compiler.plan import ApprovalRule
from records.tables import WORKFLOW_APPROVAL
from triggers.reconcile.gate_deadlines import GateDeadlines

GATE = ApprovalRule()
OPEN: dict[str, Any] = {"type": "object"}


async def gate_of(bench: Any, flow_run: Any, node_id: str = "fix") -> Any:
    run = await bench.record(flow_run)
    approval = await bench.records.approval(run.id, node_id)
    assert approval is not None
    return approval


async def answer(bench: Any, flow_run: Any, decision: str, *, by: str, node_id: str = "fix") -> State[Any]:
    """Give the answer in Prefect's form; the state of the run after that."""
    approval = await gate_of(bench, flow_run, node_id)
    await bench.resume(flow_run, {"your_name": by, f"decision_{approval.id}": decision})
    return await bench.execute(flow_run)


async def decide(bench: Any, flow_run: Any, by: str, decision: str = "APPROVED", *, node_id: str = "fix") -> Any:
    """Decide as the API does."""
    approval = await gate_of(bench, flow_run, node_id)
    return await bench.records.decide(approval.id, decision=decision, by=by, verified=True, channel="api")


@pytest.fixture
def waiting(bench: Any, node: Any) -> Any:
    """Starts a run and executes it until it waits for `fix`."""

    async def wait(gate: ApprovalRule = GATE) -> Any:
        bench.sandbox.answer("fix", {})
        plan = await bench.deploy(node("fix", gate=gate, risk="APPROVAL_REQUIRED", inputs={"branch": "main"}))
        flow_run = await bench.start(plan)
        state = await bench.execute(flow_run)
        assert state.is_paused()
        assert state.state_details.pause_timeout is None, "it waits as long as it takes"
        return flow_run

    return wait


async def test_a_vote_in_the_form_stands_though_no_worker_reads_it_before_the_deadline(bench, waiting) -> None:
    flow_run = await waiting(ApprovalRule(deadline_seconds=4))
    approval = await gate_of(bench, flow_run)
    await bench.resume(flow_run, {"your_name": "kim", f"decision_{approval.id}": "approve"})
    deadlines = GateDeadlines(client=bench.client, records=bench.records)
    while datetime.now(UTC) < approval.deadline + timedelta(seconds=1.5):
        await deadlines()  # the platform's own loop; no worker executes the run
        await asyncio.sleep(1)
    decided = await gate_of(bench, flow_run)
    assert (decided.status, decided.responded_by, decided.channel) == ("APPROVED", "kim", "form")
    assert bench.ran() == []
    assert (await bench.execute(flow_run)).is_completed()
    assert bench.ran() == ["fix"]


async def test_a_row_that_a_database_client_sets_to_approved_runs_nothing(bench, waiting) -> None:
    flow_run = await waiting()
    approval = await gate_of(bench, flow_run)
    forged = {"status": "APPROVED", "respondedBy": "kim", "verified": True, "channel": "api"}
    async with bench.records._db.write() as connection:
        this = WORKFLOW_APPROVAL.c.id == approval.id
        await connection.execute(update(WORKFLOW_APPROVAL).where(this).values(**forged))
    await bench.resume(flow_run)
    state = await bench.execute(flow_run)
    assert state.is_failed()
    assert "the platform did not sign that decision" in state.message
    assert bench.ran() == []


async def test_a_policy_that_refuses_unverified_names_is_not_passed_by_the_form(bench, waiting) -> None:
    flow_run = await waiting(ApprovalRule(allow_unverified=False))
    assert (await answer(bench, flow_run, "approve", by="kim")).is_paused()
    assert bench.ran() == []
    assert (await decide(bench, flow_run, "kim")).applied
    await bench.resume(flow_run)
    assert (await bench.execute(flow_run)).is_completed()


async def test_a_form_whose_text_was_replaced_decides_nothing_and_the_run_asks_again(bench, waiting) -> None:
    """Whoever has Prefect's password can write another text over the form that a person reads."""
    flow_run = await waiting()
    (stored,) = [
        each
        for each in await bench.client.filter_flow_run_input(
            flow_run_id=flow_run.id, key_prefix="suspended-gates-1", limit=20, exclude_keys=set()
        )
        if each.key.endswith("-description")
    ]
    harmless = stored.decoded_value.replace("main", "a-branch-of-mine")
    assert harmless != stored.decoded_value
    await bench.client.delete_flow_run_input(flow_run.id, stored.key)
    await bench.client.create_flow_run_input(flow_run.id, stored.key, json.dumps(harmless))
    assert (await answer(bench, flow_run, "approve", by="kim")).is_paused()
    assert (await gate_of(bench, flow_run)).status == "PENDING"
    assert bench.ran() == []
    # The next form is ours again.
    assert (await answer(bench, flow_run, "approve", by="kim")).is_completed()
    assert bench.ran() == ["fix"]


async def test_two_of_a_quorum_are_two_people_whichever_ways_they_come_in(bench, waiting) -> None:
    flow_run = await waiting(ApprovalRule(quorum=2))
    assert (await answer(bench, flow_run, "approve", by="kim")).is_paused()
    assert (await decide(bench, flow_run, "Kim")).status == "PENDING"
    assert (await answer(bench, flow_run, "approve", by=" KIM")).is_paused()
    assert bench.ran() == []
    assert (await answer(bench, flow_run, "approve", by="robin")).is_completed()
    assert bench.ran() == ["fix"]


async def test_who_is_no_approver_decides_nothing_in_the_form(bench, waiting) -> None:
    flow_run = await waiting(ApprovalRule(approvers=("kim",)))
    for choice in ("approve", "reject"):
        assert (await answer(bench, flow_run, choice, by="eve")).is_paused()
    assert bench.ran() == []
    assert (await answer(bench, flow_run, "approve", by="kim")).is_completed()


async def test_a_form_that_comes_after_another_decision_changes_nothing_and_the_run_tells_whose_it_was(
    bench, node
) -> None:
    bench.sandbox.answer("a", {})
    bench.sandbox.answer("b", {})
    flow_run = await bench.start(await bench.deploy(node("a", gate=GATE), node("b", gate=GATE)))
    assert (await bench.execute(flow_run)).is_paused()
    assert (await decide(bench, flow_run, "robin", "REJECTED", node_id="a")).applied
    told: list[str] = []
    listener = logging.Handler()
    listener.emit = lambda record: told.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("prefect.flow_runs")
    logger.addHandler(listener)
    try:
        assert (await answer(bench, flow_run, "approve", by="kim", node_id="a")).is_paused()
    finally:
        logger.removeHandler(listener)
    decided = await gate_of(bench, flow_run, "a")
    assert (decided.status, decided.responded_by) == ("REJECTED", "robin")
    assert any("rejected by robin" in line for line in told)
    assert bench.ran() == []


async def test_the_answer_to_an_old_question_is_no_answer_to_the_new_one_however_often_it_is_read(
    bench, waiting
) -> None:
    flow_run = await waiting()
    old = await gate_of(bench, flow_run)
    await bench.resume(flow_run, {"your_name": "kim", f"decision_{old.id}": "approve"})
    # Between the answer and its effect, the agent becomes another one.
    actions = {"act": ActionSpec(name="act", input_schema=OPEN, output_schema=OPEN)}
    await bench.register("worker-bee", actions, version="2.0.0")
    for _ in range(3):
        assert (await bench.execute(flow_run)).is_paused()
        await bench.resume(flow_run)
    new = await gate_of(bench, flow_run)
    assert (new.status, new.id != old.id) == ("PENDING", True)
    assert bench.ran() == []


async def test_a_workflow_changed_after_the_request_changes_neither_the_question_nor_what_runs(
    bench, node, waiting
) -> None:
    flow_run = await waiting()
    asked = await gate_of(bench, flow_run)
    changed = await bench.deploy(node("fix", inputs={"branch": "release"}))  # and no gate any more
    await bench.resume(flow_run)
    assert (await bench.execute(flow_run)).is_paused()
    assert (await gate_of(bench, flow_run)).id == asked.id
    assert bench.ran() == []
    assert (await answer(bench, flow_run, "approve", by="kim")).is_completed()
    assert [request.inputs for request in bench.sandbox.requests] == [{"branch": "main"}]
    assert (await bench.execute(await bench.start(changed))).is_completed()
    assert bench.sandbox.requests[-1].inputs == {"branch": "release"}


@pytest.mark.parametrize(
    "forced", [Failed(), Crashed(), Cancelled(), Pending(), Paused()], ids=lambda state: state.name
)
async def test_a_forced_state_and_a_retry_after_it_open_no_gate(bench, waiting, forced: State[Any]) -> None:
    flow_run = await waiting()
    await bench.client.set_flow_run_state(flow_run.id, forced, force=True)
    await bench.client.set_flow_run_state(flow_run.id, AwaitingRetry(), force=True)
    assert (await bench.execute(flow_run)).is_paused()
    assert bench.ran() == []
    assert (await gate_of(bench, flow_run)).status == "PENDING"


async def test_a_retry_of_a_rejected_run_stays_rejected(bench, waiting) -> None:
    flow_run = await waiting()
    assert (await answer(bench, flow_run, "reject", by="kim")).is_failed()
    await bench.client.set_flow_run_state(flow_run.id, AwaitingRetry(), force=True)
    state = await bench.execute(flow_run)
    assert state.is_failed()
    assert state.message == "node 'fix' was rejected by kim"
    assert bench.ran() == []


async def test_a_retry_of_an_approved_node_runs_what_was_approved_and_asks_again_for_anything_else(
    bench, node
) -> None:
    broke = AgentResult(failure=AgentFailure(kind="exit", message="broke"))
    bench.sandbox.answer("fix", broke, broke, {})
    plan = await bench.deploy(node("fix", gate=GATE, risk="APPROVAL_REQUIRED", inputs={"branch": "main"}))
    flow_run = await bench.start(plan)
    assert (await bench.execute(flow_run)).is_paused()
    assert (await answer(bench, flow_run, "approve", by="kim")).is_failed()
    await bench.client.set_flow_run_state(flow_run.id, AwaitingRetry(), force=True)
    assert (await bench.execute(flow_run)).is_failed()
    assert [request.inputs for request in bench.sandbox.requests] == [{"branch": "main"}] * 2
    actions = {"act": ActionSpec(name="act", input_schema=OPEN, output_schema=OPEN)}
    await bench.register("worker-bee", actions, version="2.0.0")
    await bench.client.set_flow_run_state(flow_run.id, AwaitingRetry(), force=True)
    assert (await bench.execute(flow_run)).is_paused()
    assert len(bench.ran()) == 2
    assert (await gate_of(bench, flow_run)).status == "PENDING"


async def test_a_name_and_notes_from_the_form_do_nothing_where_the_end_of_the_run_is_told(bench, waiting) -> None:
    flow_run = await waiting()
    approval = await gate_of(bench, flow_run)
    hostile = "kim\x1b[2J\u202e"
    notes = "\x1b]0;already approved\x07"
    typed = {"your_name": hostile, f"decision_{approval.id}": "reject", f"notes_{approval.id}": notes}
    await bench.resume(flow_run, typed)
    state = await bench.execute(flow_run)
    assert state.is_failed()
    assert state.message.startswith("node 'fix' was rejected by kim\\u001b[2J\\u202e: \\u001b]0;")
    assert state.message.isprintable()


async def test_a_gate_decided_while_other_branches_work_opens_at_once_without_a_wait(bench, node) -> None:
    decided = asyncio.Event()

    async def slow(request: AgentRequest) -> AgentResult:
        await asyncio.wait_for(decided.wait(), 20)
        return AgentResult(output={})

    async def fix(request: AgentRequest) -> AgentResult:
        decided.set()  # `slow` ends only when `fix` has begun
        return AgentResult(output={})

    bench.sandbox.answer("slow", slow)
    bench.sandbox.answer("fix", fix)
    flow_run = await bench.start(await bench.deploy(node("slow"), node("fix", gate=GATE)))
    going = asyncio.create_task(bench.execute(flow_run))
    await _announced(bench, flow_run, "fix")
    assert (await decide(bench, flow_run, "kim")).applied
    assert (await going).is_completed()
    assert bench.ran() == ["slow", "fix"]


async def _announced(bench: Any, flow_run: Any, node_id: str) -> None:
    for _ in range(400):
        run = await bench.records.run_of_flow_run(str(flow_run.id))
        if run is not None and await bench.records.approval(run.id, node_id):
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"the gate of {node_id!r} was not opened")


async def test_request_view_decision_and_its_digest_are_on_record_whichever_way_they_came(bench, waiting) -> None:
    flow_run = await waiting(ApprovalRule(quorum=2))
    asked = await gate_of(bench, flow_run)
    await bench.records.record_view(asked.id, by="robin", verified=True, channel="api")
    await answer(bench, flow_run, "approve", by="kim")
    await decide(bench, flow_run, "robin")
    trail = await bench.records.audit_trail(approval_id=asked.id)
    assert [(each.event, each.by, each.channel, each.verified) for each in trail] == [
        ("requested", None, None, False),
        ("viewed", "robin", "api", True),
        ("vote", "kim", "form", False),
        ("approved", "robin", "api", True),
    ]
    assert {each.digest for each in trail} == {asked.digest}
    assert all(each.at is not None for each in trail)
