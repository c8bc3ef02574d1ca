"""`trigger: {event: SUBJECT}`: each matching message on NATS starts a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from pydantic import JsonValue

from compiler.catalogue import JsonSchema
from compiler.diagnostics.diagnostic import did_you_mean, quoted
from compiler.language.document import Path
from compiler.language.spec import EventSpec
from compiler.plan import EventTrigger
from compiler.trigger_types.example_event import accepted_event
from compiler.trigger_types.matching import matches
from compiler.trigger_types.subjects import KNOWN_CONTEXTS, known_context, overlapped, subject_fault
from compiler.trigger_types.trigger_type import Findings, TriggerType


class EventType(TriggerType[EventSpec, EventTrigger]):
    """A subject with filters and an expression."""

    word = "event"
    written = EventSpec
    planned = EventTrigger
    by_subject = True

    def plan(self, trigger: EventSpec, declared: JsonSchema | None) -> EventTrigger:
        """As it is written."""
        del declared
        return EventTrigger(event=trigger.event, filters=trigger.filters, expression=trigger.expression)

    def context(self, trigger: EventSpec, declared: JsonSchema | None) -> JsonSchema | None:
        """What is declared, else the schema of the subject where the platform knows it."""
        return declared if declared is not None else known_context(trigger.event)

    def check(self, trigger: EventSpec, path: Path, declared: JsonSchema | None, found: Findings) -> None:
        """CC701, CC704 to CC708, CC711, and the expression."""
        event = self.context(trigger, declared)
        fault = subject_fault(trigger.event)
        if fault:
            message = f"{quoted(trigger.event)} is not a NATS subject: {fault}"
            found.at((*path, "event"), "CC701", message, "join the parts with dots, as in graph.file.updated")
        elif (ours := overlapped(trigger.event)) is not None:
            message = f"{quoted(trigger.event)} overlaps {ours!r}, which this platform or NATS itself publishes"
            found.at((*path, "event"), "CC711", message, "name the subject more narrowly")
        elif event is None:
            near = did_you_mean(trigger.event, KNOWN_CONTEXTS)
            own = "where it is an event of your own, describe it under `context`"
            hint = near if near.endswith("?") else f"{own}; {near}"
            found.at((*path, "event"), "CC708", f"the platform knows no event {quoted(trigger.event)}", hint)
        for name, wanted in trigger.filters.items():
            found.filter(name, wanted, (*path, "filters", name), event)
        if trigger.expression is not None:
            found.condition(trigger.expression, (*path, "expression"), event)

    def name(self, trigger: EventSpec | EventTrigger) -> str:
        """Its subject."""
        return trigger.event

    def starts(self, trigger: EventTrigger, by: str, context: Mapping[str, Any]) -> bool:
        """Whether a message on that subject matches."""
        return matches(trigger, by, context)

    def example(self, trigger: EventTrigger, context: dict[str, JsonValue]) -> dict[str, JsonValue]:
        """With values that its filters accept, where one is found."""
        return accepted_event(trigger.filters, context)

    def widened(self, old: EventTrigger, new: EventTrigger) -> str:
        """A filter or an expression that is gone or accepts other events."""
        dropped = sorted(set(old.filters) - set(new.filters))
        if dropped:
            return f"the filter on {', '.join(dropped)} is gone"
        changed = sorted(name for name in old.filters if new.filters[name] != old.filters[name])
        loose = [name for name in changed if not _narrower(old.filters[name], new.filters[name])]
        if loose:
            return f"the filter on {', '.join(loose)} accepts other events"
        if old.expression is not None and old.expression != new.expression:
            return "its expression is gone" if new.expression is None else "its expression accepts other events"
        return ""


def _narrower(old: object, new: object) -> bool:
    """Whether every value the new filter lists was listed before."""
    if not isinstance(old, list):
        return False
    listed = cast("list[object]", new) if isinstance(new, list) else [new]
    return all(value in cast("list[object]", old) for value in listed)
