"""A gate's trusted triggers + what really started the run -> whether the policy lets it pass.

What a run's parameters say about its trigger is for people to read: whoever can start a run can write anything there,
and whoever can change a run that waits in Prefect can change what it was given. Trust rests on what the platform itself
knows: the listener's note of the message, of what it held and of the workflow that it started; or a time of the
workflow's own schedules, once. Prefect's scheduler alone is no witness: whoever can use Prefect can add schedules.
"""

from __future__ import annotations

import asyncio

from compiler.plan import ApprovalRule, Plan, ScheduleTrigger
from compiler.trigger_types.registry import context_digest
from compiler.trigger_types.schedule_words import is_time_of
from compiler.trigger_types.subjects import subject_matches
from records import Records
from records.events.inbox import StartingEvent
from tasks.services import RunRef

SCHEDULE = "schedule"
MANUAL = "manual"
NOTE_SECONDS = 1.0
_OF_THE_CLOCK = frozenset({"projectId", "scheduledAt"})


async def is_trusted(rule: ApprovalRule, *, plan: Plan, run: RunRef, records: Records) -> bool:
    """Whether the run was started by a trigger that the policy names."""
    if not rule.trusted_triggers:
        return False
    event = await _event_of(run, records)
    if event is None and not run.by_clock and run.trigger != MANUAL:
        # The listener notes the message just after it has made the run, which may be quicker.
        await asyncio.sleep(NOTE_SECONDS)
        event = await _event_of(run, records)
    if event is None:
        return SCHEDULE in rule.trusted_triggers and await _is_of_the_clock(plan, run, records)
    if event.context_digest is None or event.context_digest != await asyncio.to_thread(
        context_digest, run.context
    ):
        return False
    return any(subject_matches(name, event.subject) for name in rule.trusted_triggers if name != SCHEDULE)


async def _event_of(run: RunRef, records: Records) -> StartingEvent | None:
    return await records.starting_event(run.flow_run_id, workflow=run.workflow, project_id=run.project_id)


async def _is_of_the_clock(plan: Plan, run: RunRef, records: Records) -> bool:
    """Whether it is the run of a time of one of the workflow's schedules: the first one, made before that time."""
    due = run.due_by_clock
    if (
        due is None
        or not _OF_THE_CLOCK.issuperset(run.context)
        or run.context.get("scheduledAt") != due.isoformat()
    ):
        return False
    schedules = [each for each in plan.triggers if isinstance(each, ScheduleTrigger)]
    named = [each for each in schedules if run.trigger == f"{SCHEDULE}:{each.cron}"]
    if not any(is_time_of(each.cron, each.timezone, due) for each in named):
        return False
    return await records.is_first_of_its_time(run.run_id, due)
