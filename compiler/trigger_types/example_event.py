"""Filters of an event trigger -> an event that they accept, for a dry run that is given none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, cast

from pydantic import JsonValue

from compiler.trigger_types.globs import example_of, is_glob
from compiler.trigger_types.matching import field_of, filter_accepts, is_missing, list_place

_PLAIN: tuple[JsonValue, ...] = ("example", 1, 0, True, False, None, "", "a")
"""What is tried where the filter only says what is not wanted."""


def accepted_event(filters: Mapping[str, JsonValue], event: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """The event with what its filters lack put in. One for which nothing is found stays as it is."""
    for name, wanted in filters.items():
        found = field_of(event, name)
        if filter_accepts(wanted, found):
            continue
        given = () if is_missing(found) else (found,)
        for each in _candidates(wanted, *given):
            if filter_accepts(wanted, each):
                _put(event, name, each)
                break
        else:
            _remove(event, name)  # `exists: false`, where it may be removed
    return event


def _candidates(wanted: JsonValue, *given: JsonValue) -> Iterator[JsonValue]:
    limits = list(_limits(wanted))
    yield from limits
    for each in (*limits, *given):
        yield from _beside(each)
    yield from _PLAIN


def _limits(wanted: JsonValue) -> Iterator[JsonValue]:
    """What the filter names, and texts that its patterns accept."""
    if isinstance(wanted, dict):
        for each in wanted.values():
            yield from _limits(each)
    elif isinstance(wanted, list):
        for each in wanted:
            yield from _limits(each)
    elif isinstance(wanted, str) and is_glob(wanted):
        yield example_of(wanted)
    else:
        yield wanted


def _beside(limit: JsonValue) -> Iterator[JsonValue]:
    """The next values above and below it, for comparisons that it does not fulfil itself."""
    if isinstance(limit, bool):
        return
    if isinstance(limit, int | float):
        yield from (limit + 1, limit - 1, limit + 0.5, limit - 0.5)
    elif isinstance(limit, str):
        try:
            moment = datetime.fromisoformat(limit)
        except ValueError:
            yield from (f"{limit}a", limit[:-1])
        else:
            yield from ((moment + timedelta(seconds=step)).isoformat() for step in (1, -1))


def _put(event: dict[str, JsonValue], path: str, value: JsonValue) -> None:
    """Where the path leads; a key that has dots itself is one that the event has already."""
    if path in event:
        event[path] = value
        return
    *parts, last = path.split(".")
    inside: Any = event
    for part, next_part in zip(parts, [*parts[1:], last], strict=True):
        inside = _step(inside, part, [] if list_place(next_part) is not None else {})
    if isinstance(inside, dict):
        cast("dict[str, JsonValue]", inside)[last] = value
    elif isinstance(inside, list) and (place := list_place(last)) is not None:
        items = cast("list[JsonValue]", inside)
        items += [None] * (min(place, 1_000) + 1 - len(items))
        if place < len(items):
            items[place] = value


def _step(inside: Any, part: str, fresh: JsonValue) -> Any:
    if isinstance(inside, dict):
        return cast("dict[str, JsonValue]", inside).setdefault(part, fresh)
    place = list_place(part)
    if not isinstance(inside, list) or place is None or place > 1_000:
        return None
    items = cast("list[JsonValue]", inside)
    items += [{}] * (place + 1 - len(items))
    if items[place] is None or items[place] == {}:
        items[place] = fresh
    return items[place]


def _remove(event: dict[str, JsonValue], path: str) -> None:
    if path in event:
        del event[path]
        return
    *parts, last = path.split(".")
    inside: Any = event
    for part in parts:
        inside = cast("dict[str, Any]", inside).get(part) if isinstance(inside, dict) else None
    if isinstance(inside, dict):
        cast("dict[str, JsonValue]", inside).pop(last, None)
