"""A scheduled run that begins late -> whether it runs, is dropped, or waits for earlier ones.

Prefect plans the runs of a schedule some time ahead (at least an hour, or three runs). While no worker is there they
become late, and all of them begin when one is back; `missed` says which of them are wanted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterExpectedStartTime,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.responses import SetStateStatus
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import Abort, Pause
from prefect.states import AwaitingConcurrencySlot, Cancelled

from compiler.plan import Missed, Plan, ScheduleTrigger
from flows.claim import ClaimedRun
from records import Records

LATE = timedelta(seconds=60)
"""A run that begins later than this after it was due was missed."""
LOOK_AGAIN = timedelta(seconds=2)
"""When a missed run looks again whether those before it have ended."""
SKIPPED = "Skipped"
_MOST = 200
_ON_THEIR_WAY = (StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING)


async def skip_or_wait(run: ClaimedRun, flow_run: FlowRun, records: Records) -> State[Any] | None:
    """None: the run is done now. Else how it ends in Prefect. Raises Prefect's `Pause` where it waits.

    Everything is judged by when the run first began, so that one which was taken over, or waited for a person, is
    not dropped halfway.
    """
    due = flow_run.expected_start_time
    if not run.run.by_clock or due is None or flow_run.deployment_id is None or run.run.attempt > 1:
        return None
    others = await _others(flow_run, run, until=run.began)
    turn = decide(policy_of(run.plan, run.run.trigger), due=due, began=run.began, others=others)
    if turn == "wait":
        await _wait(run, records)
    return await _skip(run, turn, due, records) if turn != "go" else None


@dataclass(frozen=True, kw_only=True)
class Other:
    """Another run of the same schedule."""

    due: datetime
    going: bool
    """Whether it may still execute."""
    began: datetime | None
    """When it was first executed."""


def decide(policy: Missed, *, due: datetime, began: datetime, others: Iterable[Other]) -> str:
    """`go`, `wait`, or why the run is skipped."""
    late = began - due
    if policy == "skip":
        return f"it began {_text(late)} after it was due" if late > LATE else "go"
    if policy == "once":
        newer = [each.due for each in others if due < each.due <= began]
        return f"the schedule was due again at {_moment(max(newer))}" if newer else "go"
    earlier = [each for each in others if each.going and each.due < due]
    if late <= LATE:  # it waits for those that were missed, not for those that began in time and take long
        earlier = [each for each in earlier if (each.began or began) - each.due > LATE]
    return "wait" if earlier else "go"


def policy_of(plan: Plan, trigger: str) -> Missed:
    """The policy of the schedule that a run's trigger names; of one that the plan does not have, the default."""
    for each in plan.triggers:
        if isinstance(each, ScheduleTrigger) and trigger == f"schedule:{each.cron}":
            return each.missed
    return "once"


async def _others(flow_run: FlowRun, run: ClaimedRun, *, until: datetime) -> list[Other]:
    """The other runs of the same schedule that are due until then."""
    assert flow_run.deployment_id is not None
    wanted = FlowRunFilter(
        deployment_id=FlowRunFilterDeploymentId(any_=[flow_run.deployment_id]),
        expected_start_time=FlowRunFilterExpectedStartTime.model_validate({"before_": until}),
    )
    async with get_client() as client:
        found = await client.read_flow_runs(
            flow_run_filter=wanted, sort=FlowRunSort.EXPECTED_START_TIME_DESC, limit=_MOST
        )
    return [
        Other(due=each.expected_start_time, going=each.state_type in _ON_THEIR_WAY, began=each.start_time)
        for each in found
        if each.auto_scheduled
        and each.id != flow_run.id
        and each.parameters.get("trigger") == run.run.trigger
        and each.expected_start_time is not None
    ]


async def _skip(run: ClaimedRun, reason: str, due: datetime, records: Records) -> State[Any]:
    message = f"skipped: the run of {_moment(due)} was missed, and {reason}"
    await records.finish_run(run.run.run_id, "FAILED", message, fencing_token=run.run.fencing_token)
    # Nothing was done, so it is no success; in Prefect it is no failure either, which would alarm people.
    return Cancelled(name=SKIPPED, message=message)


async def _wait(run: ClaimedRun, records: Records) -> None:
    reason = "waiting: earlier runs of the schedule that were missed have not ended"
    await records.set_run_status(run.run.run_id, "PENDING", fencing_token=run.run.fencing_token)
    queued = AwaitingConcurrencySlot(scheduled_time=datetime.now(UTC) + LOOK_AGAIN, message=reason)
    async with get_client() as client:
        # Not forced: a run that is being cancelled stays so.
        answer = await client.set_flow_run_state(UUID(run.run.flow_run_id), queued)
    if answer.status != SetStateStatus.ACCEPT:
        raise Abort(reason)
    raise Pause(reason, state=answer.state)


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _text(late: timedelta) -> str:
    minutes = int(late.total_seconds() // 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"
