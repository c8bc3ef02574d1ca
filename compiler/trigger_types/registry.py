"""All trigger types, and what is asked of a workflow's triggers whatever their types are.

A new type is a class in a module of its own and an entry in `TYPES`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compiler.catalogue import JsonSchema
from compiler.language.spec import WorkflowSpec, WrittenTrigger
from compiler.plan import EventTrigger, ManualTrigger, Plan, Trigger, digest_of
from compiler.trigger_types.event_type import EventType
from compiler.trigger_types.manual_type import ManualType
from compiler.trigger_types.schedule_type import ScheduleType
from compiler.trigger_types.trigger_type import TriggerType

MANUAL = ManualType()
TYPES: tuple[TriggerType[Any, Any], ...] = (EventType(), ScheduleType(), MANUAL)
NAMED = "workflow.trigger."
"""How the subject of a message begins that asks for one workflow by its name."""
CALLED = "workflow:"
"""How the trigger of a run begins that a node of another workflow started."""
_BY_MODEL = {model: each for each in TYPES for model in (each.written, each.planned)}


def type_of(trigger: WrittenTrigger | Trigger) -> TriggerType[Any, Any]:
    """The type of a trigger, as written or as planned."""
    return _BY_MODEL[type(trigger)]


def trigger_name(trigger: WrittenTrigger | Trigger) -> str:
    """How an approval policy names it."""
    return type_of(trigger).name(trigger)


def context_of(spec: WorkflowSpec, index: int) -> JsonSchema | None:
    """The schema of the context that one of the triggers gives; None where nothing is known of it."""
    trigger = spec.trigger[index]
    return type_of(trigger).context(trigger, spec.context_schema)


def listeners(plan: Plan) -> tuple[EventTrigger, ...]:
    """The triggers that messages start."""
    return tuple(each for each in plan.triggers if isinstance(each, EventTrigger))


def asks_person(plan: Plan) -> ManualTrigger | None:
    """The trigger that says what a person gives who starts the workflow; None: anything may be given."""
    return next((each for each in plan.triggers if isinstance(each, ManualTrigger)), None)


def started_context(plan: Plan, by: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """What a run begins with that `by` (a subject, `manual`, …) starts: what is given, and defaults."""
    trigger = asks_person(plan) if _by_hand(by) else None
    return dict(given) if trigger is None else MANUAL.completed(trigger, given)


def context_digest(context: Mapping[str, Any]) -> str | None:
    """Of what a run begins with, to be compared; None where it has none: numbers that JSON does not hold exactly."""
    try:
        return digest_of(dict(context))
    except ValueError:  # rfc8785's errors
        return None


def start_misfits(plan: Plan, by: str, given: Mapping[str, Any]) -> list[str]:
    """Why what is given cannot start a run of `by`; empty where it can, and where nothing is declared for it."""
    trigger = asks_person(plan) if _by_hand(by) else None
    return [] if trigger is None else MANUAL.misfits(trigger, given)


def _by_hand(by: str) -> bool:
    """A person, a message that asks for this workflow by name, or a node of another workflow."""
    return by == MANUAL.word or by.startswith((NAMED, CALLED))
