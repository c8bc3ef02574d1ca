"""Event trigger + NATS message -> whether the workflow starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from pydantic import JsonValue

from compiler.expressions.evaluation import Scope
from compiler.expressions.filters import equal
from compiler.expressions.template import condition
from compiler.expressions.tree import (
    TemplateError,
)
from compiler.plan import EventTrigger
from compiler.trigger_types.globs import GlobError, glob_matches, is_glob
from compiler.trigger_types.subjects import subject_matches

_MISSING = object()


def matches(trigger: EventTrigger, subject: str, event: Mapping[str, Any]) -> bool:
    """Whether the trigger's subject, all its filters and its expression accept the event. Never raises: what
    cannot be compared does not match."""
    if not subject_matches(trigger.event, subject):
        return False
    if not all(filter_accepts(wanted, field_of(event, name)) for name, wanted in trigger.filters.items()):
        return False
    try:
        return condition(trigger.expression, Scope(context=event))
    except TemplateError:
        return False


def field_of(event: Mapping[str, Any], path: str) -> Any:
    """The event's field at the dotted path; a private mark where there is none."""
    found: Any = event
    for name in path.split("."):
        if not isinstance(found, Mapping) or name not in found:
            return _MISSING
        found = cast("Mapping[str, Any]", found)[name]
    return found


def filter_accepts(wanted: JsonValue, found: Any) -> bool:
    """One filter: a glob or a value, any of a list of them, or comparisons that must all hold."""
    if isinstance(wanted, list):
        return any(filter_accepts(each, found) for each in wanted)
    if isinstance(wanted, dict):
        return all(name in COMPARISONS and COMPARISONS[name](found, limit) for name, limit in wanted.items())
    if found is _MISSING:
        return False
    if isinstance(wanted, str) and is_glob(wanted):
        return _glob(found, wanted)
    return equal(found, wanted)


def _glob(found: Any, pattern: JsonValue) -> bool:
    try:
        return isinstance(found, str) and isinstance(pattern, str) and glob_matches(pattern, found)
    except GlobError:
        return False


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, JsonValue], bool]:
    def holds(found: Any, limit: JsonValue) -> bool:
        return _sort_of(found) is not None and _sort_of(found) == _sort_of(limit) and compare(found, limit)

    return holds


def _sort_of(value: Any) -> str | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return "number"
    return "text" if isinstance(value, str) else None


def _is(found: Any, limit: JsonValue) -> bool:
    return found is not _MISSING and equal(found, limit)


def _any_of(found: Any, limits: JsonValue) -> bool:
    return isinstance(limits, list) and any(_is(found, each) for each in limits)


COMPARISONS: Mapping[str, Callable[[Any, JsonValue], bool]] = {
    "eq": _is,
    "ne": lambda found, limit: not _is(found, limit),
    "gt": _ordered(lambda found, limit: found > limit),
    "gte": _ordered(lambda found, limit: found >= limit),
    "lt": _ordered(lambda found, limit: found < limit),
    "lte": _ordered(lambda found, limit: found <= limit),
    "in": _any_of,
    "notIn": lambda found, limits: not _any_of(found, limits),
    "glob": _glob,
    "exists": lambda found, limit: (found is not _MISSING) == (limit is True),
}
"""Name in the YAML -> comparison of the event's field with the given value."""
