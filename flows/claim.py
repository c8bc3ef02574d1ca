"""Parameters of a flow run -> the run on record with the plan it is bound to, for this execution alone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from compiler.plan import Plan, PlanDigest
from compiler.trigger_types.registry import CALLED, asks_person, started_context
from operations.errors import PermanentTriggerError
from operations.event import check_value
from records import Records, StaleAttempt
from records.runs.run_store import CLOCKS_DIFFER
from tasks.services import RunRef

_CALL_LOOKS, _CALL_LOOK_SECONDS = 20, 0.5
"""A run may begin before its caller has noted it."""
_MOST_LEVELS = 100
"""What Prefect's API takes here (`deployments.prefect_server`). The depth of events is a setting of the listener."""


class WrongPlan(ValueError):
    """The parameters name a plan that is not this workflow's, or there is none."""


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """What a flow run was started with."""

    flow_run_id: str
    workflow: str
    project_id: int
    plan: str | None
    """Digest of the plan; None: the one deployed when the run first executes."""
    trigger: str
    context: Mapping[str, Any]
    triggered_by: str
    due: datetime | None
    """When the run was to start: for one that an event or a person started, when that came."""
    by_clock: bool
    """Whether Prefect's scheduler made the run."""
    made: datetime | None = None
    """When Prefect made the run."""


@dataclass(frozen=True, kw_only=True)
class ClaimedRun:
    """A run this execution may work on."""

    run: RunRef
    plan: Plan
    over: bool
    """True where the run had ended before: there is nothing left to do."""
    failure: str | None
    """Why it had ended badly; None where it goes on, or ended well."""
    outputs: Any
    """What it gave, where it had ended well."""
    arrived: datetime
    """When that came which started it; of a retry, now."""
    began: datetime
    """When it was executed for the first time."""
    parent: str | None
    """The run on record that called this one."""
    refused: str | None
    """Why it must not run with this context, which is not on record then; None: it may."""
    retried: bool
    """True where the run had failed, and a person asked for another try."""


async def claim_run(
    request: RunRequest,
    records: Records,
    *,
    set_going_again: Callable[[datetime], Awaitable[bool]],
    still_ours: Callable[[], Awaitable[bool]],
    executed_by: Mapping[str, str],
) -> ClaimedRun:
    """Find the run or begin it, and take it over: whatever executed it before cannot write any more.

    `set_going_again` is asked of a run that has FAILED at that time: is it a person's retry? `still_ours` is asked
    right before the takeover, which would cut off a successor. Raises StaleAttempt if there is one. `executed_by`: what
    is recorded about this process.
    """
    known = await records.run_to_execute(request.flow_run_id)
    if known is None:
        plan = await _plan(request, records)
        refused = _refusal(request, plan) or await _old_plan(request, plan, records)
        own = {"projectId": plan.project_id}
        given = {**_schedule_context(request, plan), **request.context, **own}
        run_id = await records.start_run(
            flow_run_id=request.flow_run_id,
            plan_digest=plan.digest,
            trigger=request.trigger,
            # Prefect's form and its command line know the defaults, and need not send them.
            context=started_context(plan, request.trigger, given) if refused is None else own,
            triggered_by=request.triggered_by or None,
        )
        known = await records.run(run_id)
    else:
        plan = await records.plan(PlanDigest(known.plan_digest or ""))
        refused = _refusal(request, plan)
    wanted = known.status == "FAILED" or known.rerun_nodes is not None
    retried = known.finished_at is not None and wanted and await set_going_again(known.finished_at)
    over = known.finished_at is not None and not retried
    if retried and refused is None:  # what was refused once is refused again
        refused = await _old_plan(request, plan, records)
    if not over and not await still_ours():
        raise StaleAttempt(f"run {known.id!r} was taken over before this execution began; nothing was changed")
    # A rerun from a node, or Retry, be it in Prefect's UI.
    if retried and not await records.reopen_for_rerun(known.id):
        await records.reopen_run(known.id)
    fencing_token = known.fencing_token if over else await records.claim_run(known.id, executed_by=executed_by)
    if not over and plan.concurrency is None:  # else it has to find its place first
        await records.set_run_status(known.id, "RUNNING", fencing_token=fencing_token)
    run = RunRef(
        run_id=known.id,
        flow_run_id=request.flow_run_id,
        project_id=plan.project_id,
        workflow=plan.name,
        trigger=known.trigger,
        triggered_by=known.triggered_by or "",
        context=known.context,
        attempt=known.reopened + 1 + int(retried),
        times_done=await records.times_done(known.id) if known.reopened or retried else {},
        by_clock=request.by_clock,
        due_by_clock=_due_by_clock(request),
        fencing_token=fencing_token,
    )
    failure = known.message if over and known.status == "FAILED" else None
    return ClaimedRun(
        run=run,
        plan=plan,
        over=over,
        failure=failure,
        outputs=known.outputs,
        parent=known.parent_run_id,
        refused=refused,
        retried=retried,
        arrived=datetime.now(UTC) if run.attempt > 1 else request.due or known.started_at,
        began=known.started_at,
    )


async def _plan(request: RunRequest, records: Records) -> Plan:
    if request.plan:
        plan = await records.plan(PlanDigest(request.plan))
        if (plan.name, plan.project_id) != (request.workflow, request.project_id):
            raise WrongPlan(
                f"plan {request.plan!r} belongs to workflow {plan.name!r} of project {plan.project_id}, "
                f"not to {request.workflow!r} of project {request.project_id}"
            )
        return plan
    active = await records.active_plan(request.project_id, request.workflow)
    if active is not None:
        return active
    raise WrongPlan(
        f"workflow {request.workflow!r} is not deployed in project {request.project_id}: "
        "deploy it first (`commandcenter deploy`)"
    )


def _refusal(request: RunRequest, plan: Plan) -> str | None:
    """Prefect's form and its API start runs past the checks that `operations.start_run` makes of all others."""
    named = request.context.get("projectId", plan.project_id)
    if named != plan.project_id:
        return (
            f"`context.projectId` is {str(named)[:40]!r}, but workflow {plan.name!r} belongs to project "
            f"{plan.project_id}: leave it out"
        )
    try:
        check_value(dict(request.context), max_depth=_MOST_LEVELS)
    except PermanentTriggerError as exc:
        return str(exc).replace("the payload", "the context", 1)
    return None


async def _old_plan(request: RunRequest, plan: Plan, records: Records) -> str | None:
    """Why a new run must not take the plan that its parameters name; None: it may.

    Whoever has Prefect's password chooses the parameters, and could so go back to a version without a gate. A run keeps
    the version that was the workflow's when it was made, and one that a node called has the version of that call.
    """
    replaced = await records.replaced_at(plan.project_id, plan.name, plan.digest)
    if replaced is None or (request.made is not None and request.made - CLOCKS_DIFFER < replaced):
        return None
    if request.trigger.startswith(CALLED):
        for _ in range(_CALL_LOOKS):
            if await records.calls(request.flow_run_id, plan.digest):
                return None
            await asyncio.sleep(_CALL_LOOK_SECONDS)
    return (
        f"it names version {plan.digest.removeprefix('sha256:')[:12]} of workflow {plan.name!r}, which was no longer "
        "the one that new runs take when it was made: start it without naming one"
    )


def _due_by_clock(request: RunRequest) -> datetime | None:
    """Of a run that the scheduler made ahead, as it does; neither of both times can be changed in Prefect later."""
    if not request.by_clock or request.due is None or request.made is None:
        return None
    return request.due if request.made <= request.due + CLOCKS_DIFFER else None


def _schedule_context(request: RunRequest, plan: Plan) -> dict[str, Any]:
    """What a run by the clock knows: when it was due. One by hand stands for it, unless that one is typed."""
    by_hand = request.trigger == "manual" and asks_person(plan) is None
    by_clock = by_hand or request.trigger.startswith("schedule")
    return {"scheduledAt": request.due.isoformat()} if by_clock and request.due else {}
