"""Event trigger + event -> why it matches or does not, field by field. Says the same as `matching.matches`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from compiler.expressions.evaluation import Scope
from compiler.expressions.template import condition
from compiler.expressions.tree import TemplateError
from compiler.plan import EventTrigger
from compiler.trigger_types.matching import field_of, filter_accepts, is_missing
from compiler.trigger_types.subjects import subject_matches


@dataclass(frozen=True, kw_only=True)
class FieldMatch:
    """One filter against the event."""

    field: str
    wanted: JsonValue
    present: bool
    """Whether the event has the field."""
    found: Any
    accepted: bool


@dataclass(frozen=True, kw_only=True)
class TriggerMatch:
    """One trigger against the event."""

    event: str
    """The subject that the trigger asks for."""
    subject_matches: bool
    fields: tuple[FieldMatch, ...]
    expression: str | None
    expression_holds: bool | None
    """None where there is none."""
    expression_error: str | None

    @property
    def matched(self) -> bool:
        """Whether it starts the workflow."""
        fields = all(each.accepted for each in self.fields)
        return self.subject_matches and fields and self.expression_holds is not False


def explain(trigger: EventTrigger, subject: str, event: Mapping[str, Any]) -> TriggerMatch:
    """All parts are looked at, also behind one that does not match. Never raises."""
    holds: bool | None = None
    error: str | None = None
    if trigger.expression is not None:
        try:
            holds = condition(trigger.expression, Scope(context=event))
        except TemplateError as exc:
            holds, error = False, str(exc)
    return TriggerMatch(
        event=trigger.event,
        subject_matches=subject_matches(trigger.event, subject),
        fields=tuple(_field(name, wanted, event) for name, wanted in trigger.filters.items()),
        expression=trigger.expression,
        expression_holds=holds,
        expression_error=error,
    )


def _field(name: str, wanted: JsonValue, event: Mapping[str, Any]) -> FieldMatch:
    found = field_of(event, name)
    present = not is_missing(found)
    return FieldMatch(
        field=name,
        wanted=wanted,
        present=present,
        found=found if present else None,
        accepted=filter_accepts(wanted, found),
    )
