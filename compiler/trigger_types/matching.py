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
from compiler.trigger_types.moments import moment_of
from compiler.trigger_types.subjects import subject_matches

MAX_PLACE_DIGITS = 7

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
    """The event's field at the dotted path; a private mark where there is none. A number is a place in a list; a key
    that has dots itself is found where no nested fields have that path."""
    return _inside(event, path.split("."))


def _inside(value: Any, parts: list[str]) -> Any:
    if not parts:
        return value
    if isinstance(value, list):
        items, place = cast("list[Any]", value), list_place(parts[0])
        return _inside(items[place], parts[1:]) if place is not None and place < len(items) else _MISSING
    if not isinstance(value, Mapping):
        return _MISSING
    fields = cast("Mapping[str, Any]", value)
    for length in range(1, len(parts) + 1):
        name = ".".join(parts[:length])
        found = _inside(fields[name], parts[length:]) if name in fields else _MISSING
        if found is not _MISSING:
            return found
    return _MISSING


def is_missing(found: Any) -> bool:
    """Whether `field_of` found nothing."""
    return found is _MISSING


def list_place(part: str) -> int | None:
    """The place in a list that a part of a path names, counted from 0."""
    return int(part) if part.isascii() and part.isdigit() and len(part) < MAX_PLACE_DIGITS else None


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
    """Numbers with numbers, moments with moments where the limit is one, text with text; different kinds never."""

    def holds(found: Any, limit: JsonValue) -> bool:
        moment = moment_of(limit)
        if moment is not None:
            at = moment_of(found)
            return at is not None and compare(at, moment)
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
