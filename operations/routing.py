"""Event + active plans -> the workflows it starts. Pure; the only place that decides it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from compiler.plan import EventTrigger, Plan
from compiler.trigger_types.registry import listeners, start_misfits
from operations.errors import PermanentTriggerError
from operations.event import Event

Matches = Callable[[EventTrigger, str, Mapping[str, Any]], bool]
"""Whether a trigger accepts an event: subject and content. Never raises; `compiler.matches`."""


def route(event: Event, plans: Sequence[Plan], matches: Matches) -> tuple[Plan, ...]:
    """The plans of the event's own project that it starts. Raises Permanent when a named workflow is not there."""
    own = [plan for plan in plans if plan.project_id == event.project_id and plan.status == "ACTIVE"]
    if event.workflow is not None:
        plan = _named(event.workflow, own, event.project_id)
        if misfits := start_misfits(plan, event.subject, event.context):
            raise PermanentTriggerError(
                f"the context does not fit workflow {plan.name!r}: {'; '.join(misfits[:5])}"
            )
        return (plan,)
    return tuple(
        plan for plan in own if any(matches(trigger, event.subject, event.context) for trigger in listeners(plan))
    )


def _named(name: str, plans: Sequence[Plan], project_id: int) -> Plan:
    for plan in plans:
        if plan.name == name:
            return plan
    near = get_close_matches(name, [plan.name for plan in plans], n=1)
    hint = f"; did you mean {near[0]!r}?" if near else "; deploy it, or set its status to ACTIVE"
    raise PermanentTriggerError(f"project {project_id} has no active workflow {name!r}{hint}")
