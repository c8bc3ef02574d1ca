"""Gates: what opens one, and all that does not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import State, StateType
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from prefect.client.schemas.sorting import FlowRunSort
from prefect.states import AwaitingRetry, Completed, Running, Scheduled

from compiler.catalogue import ActionSpec
from compiler.plan import ApprovalRule, Foreach, ScheduleTrigger
from compiler.trigger_types.registry import context_digest

GATE = ApprovalRule()
OPEN: dict[str, Any] = {"type": "object"}


async def gate_of(bench: Any, flow_run: Any, node_id: str = "fix") -> Any:
    run = await bench.record(flow_run)
    approval = await bench.records.approval(run.id, node_id)
    assert approval is not None
    return approval


@pytest.fixture
async def waiting(bench: Any, node: Any) -> Any:
    """A run that waits for the approval of `fix`, after `scan` and beside `tell`."""
    bench.sandbox.answer("scan", {"n": 3})
    bench.sandbox.answer("tell", {})
    bench.sandbox.answer("fix", {"branch": "b"})
    plan = await bench.deploy(
        node("scan"),
        node("fix", "scan", gate=GATE, risk="APPROVAL_REQUIRED", inputs={"n": "{{ nodes.scan.output.n }}"}),
        node("tell", "scan"),
    )
    flow_run = await bench.start(plan, triggered_by="ada")
    state = await bench.execute(flow_run)
    assert state.is_paused()
    assert sorted(bench.ran()) == ["scan", "tell"]
    return flow_run


async def test_a_gated_node_waits_with_its_exact_inputs_on_the_card_and_others_go_on(bench, waiting) -> None:
    approval = await gate_of(bench, waiting)
    assert approval.status == "PENDING"
    assert approval.card["inputs"] == {"n": 3}
    assert approval.card["upstream"] == {"scan": {"n": 3}}
    assert (await bench.record(waiting)).status == "WAITING_APPROVAL"
    assert "workflow.approval.requested" in [each.subject for each in await bench.records.pending_events(20)]


async def test_an_approval_by_command_line_or_api_lets_exactly_that_node_run(bench, waiting) -> None:
    approval = await gate_of(bench, waiting)
    await bench.records.decide(approval.id, decision="APPROVED", by="kim", verified=True, channel="api")
    await bench.resume(waiting)
    state = await bench.execute(waiting)
    assert state.is_completed(), state.message
    assert sorted(bench.ran()) == ["fix", "scan", "tell"]
    assert (await bench.record(waiting)).status == "SUCCESS"


async def test_the_form_in_prefect_decides_under_the_name_given_and_says_it_is_unverified(bench, waiting) -> None:
    approval = await gate_of(bench, waiting)
    answer = {"your_name": "kim", f"decision_{approval.id}": "approve", f"notes_{approval.id}": "fine"}
    await bench.resume(waiting, answer)
    assert (await bench.execute(waiting)).is_completed()
    decided = await gate_of(bench, waiting)
    assert (decided.status, decided.responded_by, decided.verified, decided.channel) == (
        "APPROVED",
        "kim",
        False,
        "form",
    )
    assert decided.notes == "fine"


async def test_a_rejection_in_the_form_fails_the_run_and_says_who_and_why(bench, waiting) -> None:
    approval = await gate_of(bench, waiting)
    answer = {"your_name": "kim", f"decision_{approval.id}": "reject", f"notes_{approval.id}": "not now"}
    await bench.resume(waiting, answer)
    state = await bench.execute(waiting)
    assert state.is_failed()
    assert state.message == "node 'fix' was rejected by kim: not now"
    assert "fix" not in bench.ran()


async def test_the_form_is_refused_without_a_name(bench, waiting) -> None:
    approval = await gate_of(bench, waiting)
    for name in ({}, {"your_name": ""}, {"your_name": "  "}):
        answer = {**name, f"decision_{approval.id}": "approve"}
        assert (await bench.client.resume_flow_run(waiting.id, run_input=answer)).status.value == "REJECT"
    assert (await bench.client.read_flow_run(waiting.id)).state.is_paused()


async def test_a_form_submitted_with_wait_says_that_nothing_was_decided(bench, waiting) -> None:
    approval = await gate_of(bench, waiting)
    await bench.resume(waiting, {"your_name": "kim", f"decision_{approval.id}": "wait"})
    assert (await bench.execute(waiting)).is_paused()
    (said,) = await artifacts_of(bench, waiting)
    assert said == ("The form was submitted with 'wait': nothing was decided, and the run waits again for 'fix'.")
    await bench.resume(waiting)
    assert (await bench.execute(waiting)).is_paused()
    assert len(await artifacts_of(bench, waiting)) == 1


async def artifacts_of(bench: Any, flow_run: Any) -> list[Any]:
    """What Prefect shows about the run as a whole, besides its attempts."""
    by_run = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[flow_run.id]))
    found = await bench.client.read_artifacts(artifact_filter=by_run)
    whole = [each for each in found if each.task_run_id is None]
    return [each.data for each in whole if not (each.description or "").startswith("Inputs and output")]


@pytest.mark.parametrize("answer", [None, {"your_name": "kim"}], ids=["woken", "name only"])
async def test_a_resume_without_a_decision_asks_again(bench, waiting, answer) -> None:
    await bench.resume(waiting, answer)
    state = await bench.execute(waiting)
    assert state.is_paused()
    assert "fix" not in bench.ran()
    assert (await gate_of(bench, waiting)).status == "PENDING"


@pytest.mark.parametrize("wish", ["{{ 'approve' }}", "APPROVE", "yes"])
async def test_the_form_takes_nothing_but_its_three_choices(bench, waiting, wish) -> None:
    approval = await gate_of(bench, waiting)
    answer = {"your_name": "kim", f"decision_{approval.id}": wish}
    result = await bench.client.resume_flow_run(waiting.id, run_input=answer)
    assert result.status.value == "REJECT"
    assert (await gate_of(bench, waiting)).status == "PENDING"


@pytest.mark.parametrize(
    "forced", [Running(), Scheduled(), AwaitingRetry()], ids=["running", "scheduled", "retry"]
)
async def test_a_forced_state_opens_no_gate(bench, waiting, forced: State) -> None:
    await bench.client.set_flow_run_state(waiting.id, forced, force=True)
    state = await bench.execute(waiting)
    assert state.is_paused()
    assert "fix" not in bench.ran()


async def test_a_run_forced_to_completed_never_runs_its_gated_node(bench, waiting) -> None:
    await bench.client.set_flow_run_state(waiting.id, Completed(), force=True)
    assert (await bench.client.read_flow_run(waiting.id)).state.is_completed()
    assert "fix" not in bench.ran()
    assert (await gate_of(bench, waiting)).status == "PENDING"


async def test_an_answer_forged_into_the_runs_inputs_without_a_name_decides_nothing(bench, waiting) -> None:
    approval = await gate_of(bench, waiting)
    for key in ("suspended-gates-9-response", "gates-response"):
        value = f'{{"decision_{approval.id}": "approve"}}'
        await bench.client.create_flow_run_input(flow_run_id=waiting.id, key=key, value=value)
    await bench.client.set_flow_run_state(waiting.id, Scheduled(), force=True)
    assert (await bench.execute(waiting)).is_paused()
    assert "fix" not in bench.ran()


async def test_an_answer_for_another_runs_gate_decides_nothing_here(bench, waiting, node) -> None:
    other = await bench.start(await bench.deploy(node("fix", gate=GATE), name="other"))
    await bench.execute(other)
    foreign = await gate_of(bench, other)
    key, value = "suspended-gates-9-response", f'{{"your_name": "eve", "decision_{foreign.id}": "approve"}}'
    await bench.client.create_flow_run_input(flow_run_id=waiting.id, key=key, value=value)
    await bench.client.set_flow_run_state(waiting.id, Scheduled(), force=True)
    assert (await bench.execute(waiting)).is_paused()
    assert (await gate_of(bench, waiting)).status == "PENDING"
    assert (await gate_of(bench, other)).status == "PENDING"


async def test_a_changed_agent_is_asked_about_again_and_the_old_approval_is_worth_nothing(bench, waiting) -> None:
    approval = await gate_of(bench, waiting)
    await bench.records.decide(approval.id, decision="APPROVED", by="kim", verified=True, channel="api")
    actions = {"act": ActionSpec(name="act", input_schema=OPEN, output_schema=OPEN)}
    await bench.register("worker-bee", actions, version="1.1.0")
    await bench.resume(waiting)
    assert (await bench.execute(waiting)).is_paused()
    assert "fix" not in bench.ran()
    again = await gate_of(bench, waiting)
    assert again.id != approval.id
    assert (again.status, again.card["agentVersion"]) == ("PENDING", "1.1.0")
    late = await bench.records.decide(approval.id, decision="APPROVED", by="kim", verified=True, channel="api")
    assert not late.applied


async def test_who_triggered_a_run_cannot_approve_it(bench, waiting) -> None:
    approval = await gate_of(bench, waiting)
    await bench.resume(waiting, {"your_name": "Ada", f"decision_{approval.id}": "approve"})
    assert (await bench.execute(waiting)).is_paused()
    assert "fix" not in bench.ran()


async def test_several_gates_are_open_at_once_and_each_is_decided_by_itself(bench, node) -> None:
    for each in ("a", "b", "after-a"):
        bench.sandbox.answer(each, {})
    plan = await bench.deploy(node("a", gate=GATE), node("b", gate=GATE), node("after-a", "a"))
    flow_run = await bench.start(plan)
    assert (await bench.execute(flow_run)).is_paused()
    first, second = await gate_of(bench, flow_run, "a"), await gate_of(bench, flow_run, "b")
    await bench.resume(flow_run, {"your_name": "kim", f"decision_{first.id}": "approve"})
    assert (await bench.execute(flow_run)).is_paused()
    assert bench.ran() == ["a", "after-a"]
    await bench.resume(flow_run, {"your_name": "robin", f"decision_{second.id}": "approve"})
    assert (await bench.execute(flow_run)).is_completed()
    assert bench.ran() == ["a", "after-a", "b"]


async def test_a_parameter_that_claims_a_trusted_trigger_does_not_pass_the_gate(bench, node) -> None:
    bench.sandbox.answer("fix", {})
    trusting = ApprovalRule(trusted_triggers=("ops.runbook", "schedule"))
    plan = await bench.deploy(node("fix", gate=trusting))
    for claim in ("ops.runbook", "schedule", "schedule:* * * * *"):
        flow_run = await bench.start(plan, trigger=claim)
        assert (await bench.execute(flow_run)).is_paused()
    assert bench.ran() == []
    # The note of a message holds for what the message gave: who changes the run's context meanwhile asks a person.
    changed = await bench.start(plan, context={"file": "theirs"}, trigger="ops.runbook")
    real = await bench.start(plan, context={"file": "ours"}, trigger="ops.runbook")
    given = context_digest({"file": "ours", "projectId": 1})
    for number, run in enumerate((changed, real)):
        await bench.records.record_event(
            "S",
            number,
            subject="ops.runbook",
            workflow=plan.name,
            project_id=1,
            flow_run_id=str(run.id),
            context_digest=given,
        )
    assert (await bench.execute(changed)).is_paused()
    assert bench.ran() == []
    assert (await bench.execute(real)).is_completed()
    decided = await gate_of(bench, real)
    assert (decided.status, decided.closed_as) == ("APPROVED", "policy")


async def test_an_event_is_trusted_for_the_workflow_that_it_started_and_no_other(bench, node) -> None:
    """Whoever has Prefect's password can have a run execute another workflow, whose filter the event did not pass."""
    bench.sandbox.answer("fix", {})
    trusting = ApprovalRule(trusted_triggers=("ops.runbook",))
    plan = await bench.deploy(node("fix", gate=trusting))
    given = context_digest({"projectId": 1})
    for number, noted in enumerate(({"workflow": "another"}, {"workflow": plan.name, "project_id": 2})):
        flow_run = await bench.start(plan, trigger="ops.runbook")
        note = {"subject": "ops.runbook", "project_id": 1, "context_digest": given, **noted}
        await bench.records.record_event("S", number, flow_run_id=str(flow_run.id), **note)
        assert (await bench.execute(flow_run)).is_paused()
    assert bench.ran() == []


async def test_the_clock_is_trusted_once_for_each_time_of_the_workflows_own_schedule(bench, node) -> None:
    """Whoever has Prefect's password can add schedules, give their runs any parameters, and have them made at once."""
    bench.sandbox.answer("fix", {})
    trusting = ApprovalRule(trusted_triggers=("schedule",))
    minutely = ScheduleTrigger(cron="* * * * *")
    plan = await bench.deploy(node("fix", gate=trusting), triggers=(minutely,))
    deployment = await bench.client.read_deployment_by_name(f"{plan.name}/project-1")
    claims = {"trigger": "schedule:* * * * *"}
    theirs = {
        "another-time": (
            CronSchedule(cron="* * * * *"),
            {**claims, "context": {"scheduledAt": "2030-01-01T00:00:00+00:00"}},
        ),
        "often": (IntervalSchedule(interval=timedelta(seconds=7)), claims),
        "ours": (CronSchedule(cron="* * * * *"), claims),
        "again": (CronSchedule(cron="*/1 * * * *"), claims),
    }

    async def outcome(name: str, *, since: datetime) -> tuple[datetime, State[Any]]:
        """When the first run is due that Prefect's scheduler makes of the schedule, and what becomes of it."""
        schedule, parameters = theirs[name]
        added = DeploymentScheduleCreate(schedule=schedule, active=True, parameters=parameters)
        (made,) = await bench.client.create_deployment_schedules(deployment.id, [added])
        span = {"start_time": since.isoformat(), "min_time": 0, "min_runs": 1, "max_runs": 1}
        (await bench.client._client.post(f"/deployments/{deployment.id}/schedule", json=span)).raise_for_status()
        found = await bench.client.read_flow_runs(
            flow_run_filter=FlowRunFilter(
                deployment_id=FlowRunFilterDeploymentId(any_=[deployment.id]),
                state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])),
            ),
            sort=FlowRunSort.EXPECTED_START_TIME_ASC,
        )
        run = next(each for each in found if each.auto_scheduled)  # other tests' runs of this name may be resumed
        state = await bench.execute(run)
        await bench.client.delete_deployment_schedule(deployment.id, made.id)  # and the others that it has made
        return run.expected_start_time, state

    for name in ("another-time", "often"):
        assert (await outcome(name, since=datetime.now(UTC)))[1].is_paused(), name
    due, state = await outcome("ours", since=datetime.now(UTC))
    assert state.is_completed(), state.message
    same, state = await outcome("again", since=due)
    assert same == due
    assert not state.is_completed()
    # A time that had passed when the run was made.
    assert not (await outcome("ours", since=due - timedelta(days=1)))[1].is_completed()
    assert bench.ran() == ["fix"]


async def test_an_expired_gate_is_rejected(bench, node) -> None:
    plan = await bench.deploy(node("fix", gate=ApprovalRule(deadline_seconds=0)))
    flow_run = await bench.start(plan)
    assert (await bench.execute(flow_run)).is_paused()
    await bench.records.expire_gates()
    await bench.resume(flow_run)
    state = await bench.execute(flow_run)
    assert state.is_failed()
    assert "nobody (expired)" in (state.message or "")
    assert bench.ran() == []


async def test_a_form_that_a_crash_has_left_is_replaced_by_the_one_that_is_asked(bench, node) -> None:
    """The form is saved before the run is suspended: a run that waited without one could never be resumed."""
    flow_run = await bench.start(await bench.deploy(node("fix", gate=GATE, risk="APPROVAL_REQUIRED")))
    left = "suspended-gates-1-schema"
    await bench.client.create_flow_run_input(flow_run.id, left, '{"properties": {}}')
    assert (await bench.execute(flow_run)).is_paused()
    approval = await gate_of(bench, flow_run)
    assert f"decision_{approval.id}" in await bench.client.read_flow_run_input(flow_run.id, left)
    assert await bench.client.read_flow_run_input(flow_run.id, "suspended-gates-1-description")


async def test_inputs_too_large_for_a_card_fail_their_node_and_no_other(bench, node) -> None:
    large = node("fix", gate=ApprovalRule(), inputs={"text": "x" * 1_000_000})
    bench.sandbox.answer("other", {})
    flow_run = await bench.start(await bench.deploy(large, node("other")))
    state = await bench.execute(flow_run)
    assert state.is_failed()
    assert "the approval card of node 'fix'" in state.message
    assert "at most 1,000,000 are recorded" in state.message
    assert bench.ran() == ["other"]


FACTS: dict[str, Any] = {
    "type": "object",
    "properties": {"n": {"type": "integer"}, "facts": {"type": "object", "x-kind": "facts"}},
}


@pytest.mark.parametrize("items", [None, [1, 2]], ids=["once", "foreach"])
async def test_what_the_platform_filled_in_stays_as_it_was_shown(bench, node, items) -> None:
    """Facts differ from one look to the next: a gate that asked again each time could never be passed."""
    bench.sandbox.answer("audit", {"score": 80})
    each = {} if items is None else {"foreach": Foreach(items=items)}
    plan = await bench.deploy(node("audit", gate=GATE, risk="APPROVAL_REQUIRED", input_schema=FACTS, **each))
    flow_run = await bench.start(plan, triggered_by="ada")
    assert (await bench.execute(flow_run)).is_paused()
    approval = await gate_of(bench, flow_run, "audit")
    shown = approval.card["inputs"] if items else [approval.card["inputs"]]
    # Since then other runs were started, so that facts collected now would be others.
    assert (await bench.execute(await bench.start(plan))).is_paused()

    await bench.records.decide(approval.id, decision="APPROVED", by="kim", verified=True, channel="api")
    await bench.resume(flow_run)
    state = await bench.execute(flow_run)

    assert state.is_completed(), state.message
    given = [dict(request.inputs)["facts"] for request in bench.sandbox.requests if request.inputs.get("facts")]
    assert given == [each["facts"] for each in shown]
    assert given[0]["runs"]["total"] == 1
