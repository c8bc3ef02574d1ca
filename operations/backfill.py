"""A schedule and a stretch of time -> the times that no run began for, and runs for those that a person names.

What becomes of times that passed while the platform was down is the workflow's own `missed`; this is for the rest: a
pause, an archived workflow, a policy of `skip`.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from compiler.plan import Plan, ScheduleTrigger
from compiler.trigger_types.moments import moment_of
from compiler.trigger_types.schedule_words import is_time_of, next_times
from operations.errors import PermanentTriggerError
from operations.start_run import REPLAY_TRIGGER, Launch, active_plan, checked_context
from records import Records, run_cursor

MOST = 500
"""Times of one schedule that are looked at, and started, at once."""
_NEAR = timedelta(seconds=30)
_PAGE = 500


class InvalidBackfill(PermanentTriggerError):
    """The stretch of time, or a moment of it, cannot be used."""


@dataclass(frozen=True, kw_only=True)
class MissedTime:
    """A time of a schedule that no run began for."""

    at: datetime
    cron: str


async def missed_times(
    name: str, *, since: datetime, until: datetime | None = None, records: Records, project_id: int
) -> list[MissedTime]:
    """Oldest first, by the schedules as they are now. Raises NoActiveWorkflow and InvalidBackfill."""
    plan = await active_plan(name, records=records, project_id=project_id)
    if not any(isinstance(trigger, ScheduleTrigger) for trigger in plan.triggers):
        raise InvalidBackfill(f"workflow {name!r} has no schedule, so that it missed nothing")
    ends = min(until or datetime.now(UTC), datetime.now(UTC))
    wanted = await asyncio.to_thread(_times, plan, since, ends)
    if not wanted:
        return []
    known = await _begun(name, since=since, records=records, project_id=project_id)
    return [each for each in wanted if not any(abs(each.at - begun) < _NEAR for begun in known)]


async def backfill(
    name: str,
    moments: Sequence[datetime],
    *,
    records: Records,
    launch: Launch,
    project_id: int,
    by: str,
) -> dict[datetime, str]:
    """Start a run for each of these times: moment -> flow run, the same one however often this is asked.

    Each run sees its time as `context.scheduledAt`. A person starts it: no policy that trusts the clock lets it pass a
    gate. Raises NoActiveWorkflow, InvalidBackfill for a time that no schedule has, TransientTriggerError.
    """
    plan = await active_plan(name, records=records, project_id=project_id)
    if len(moments) > MOST:
        raise InvalidBackfill(f"{len(moments)} runs at once are too many: name {MOST} at most")
    for moment in moments:
        if not await asyncio.to_thread(_is_due, plan, moment):
            raise InvalidBackfill(f"{moment.isoformat()} is no past time of a schedule of {name!r}")
    started: dict[datetime, str] = {}
    for moment in sorted(moments):
        started[moment] = await launch.start(
            plan,
            context=checked_context({"scheduledAt": moment.astimezone(UTC).isoformat()}, plan),
            trigger=REPLAY_TRIGGER,
            triggered_by=by,
            idempotency_key=_key(plan, moment),
        )
    return started


def _times(plan: Plan, since: datetime, until: datetime) -> list[MissedTime]:
    found: list[MissedTime] = []
    for trigger in plan.triggers:
        if not isinstance(trigger, ScheduleTrigger):
            continue
        after = since - timedelta(seconds=1)
        while len(found) <= MOST:
            following = next_times(trigger.cron, trigger.timezone, after=after, count=1)[0]
            if following > until:
                break
            found.append(MissedTime(at=following, cron=trigger.cron))
            after = following
    if len(found) > MOST:
        ends = found[MOST - 1].at.astimezone(UTC).isoformat(timespec="minutes")
        raise InvalidBackfill(
            f"the schedule has more than {MOST} times in that stretch: look until {ends} first, or from later on"
        )
    return sorted(found, key=lambda each: each.at)


def _is_due(plan: Plan, moment: datetime) -> bool:
    if moment > datetime.now(UTC):
        return False
    schedules = (trigger for trigger in plan.triggers if isinstance(trigger, ScheduleTrigger))
    return any(is_time_of(each.cron, each.timezone, moment) for each in schedules)


async def _begun(name: str, *, since: datetime, records: Records, project_id: int) -> list[datetime]:
    """The times that runs of the workflow began for, from a moment on."""
    found: list[datetime] = []
    cursor: str | None = None
    while True:
        runs = await records.runs(project_id, workflow=name, since=since, after=cursor, limit=_PAGE)
        for run in runs:
            moment = moment_of(run.context.get("scheduledAt"))
            if moment is not None:
                found.append(moment)
        if len(runs) < _PAGE:
            return found
        cursor = run_cursor(runs[-1])


def _key(plan: Plan, moment: datetime) -> str:
    parts = ["backfill", plan.project_id, plan.name, moment.astimezone(UTC).isoformat()]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
