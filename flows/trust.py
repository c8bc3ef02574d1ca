"""A gate's trusted triggers + what really started the run -> whether the policy lets it pass.

What a run's parameters say about its trigger is for people to read: whoever can start a run can write anything there,
and whoever can change a run that waits in Prefect can change what it was given. Trust rests on what the platform itself
knows: the listener's note of the message and of what it held, or Prefect's scheduler, which gives nothing but the time.
"""

from __future__ import annotations

import asyncio

from compiler.plan import ApprovalRule
from compiler.trigger_types.registry import context_digest
from compiler.trigger_types.subjects import subject_matches
from records import Records
from tasks.services import RunRef

SCHEDULE = "schedule"
MANUAL = "manual"
NOTE_SECONDS = 1.0
_OF_THE_CLOCK = frozenset({"projectId", "scheduledAt"})


async def is_trusted(rule: ApprovalRule, *, run: RunRef, records: Records) -> bool:
    """Whether the run was started by a trigger that the policy names."""
    if not rule.trusted_triggers:
        return False
    event = await records.starting_event(run.flow_run_id)
    if event is None and not run.by_clock and run.trigger != MANUAL:
        # The listener notes the message just after it has made the run, which may be quicker.
        await asyncio.sleep(NOTE_SECONDS)
        event = await records.starting_event(run.flow_run_id)
    if event is None:
        return run.by_clock and SCHEDULE in rule.trusted_triggers and _OF_THE_CLOCK.issuperset(run.context)
    if event.context_digest is None or event.context_digest != context_digest(run.context):
        return False
    return any(subject_matches(name, event.subject) for name in rule.trusted_triggers if name != SCHEDULE)
