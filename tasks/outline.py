"""JSON values -> an indented outline that people read; and large values -> smaller ones of the same shape.

Both are for showing only. Every string in an outline is safe text. Each line of a text of several lines begins with
`| `, so that none can be taken for a line of the outline's own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, cast

from pydantic import JsonValue

from tasks.safe_text import safe_json, safe_text

LONGEST_TEXT = 1_500
_DEEPEST = 8
_STEPS = ((1_000, 20), (300, 10), (120, 5), (60, 3))
"""Most characters of a string and most members of a list, tried in turn until a value is small enough."""


def outline(value: Any, *, limit: int, elsewhere: str = "") -> str:
    """`value` as indented text of at most `limit` characters; `elsewhere` says where a long text stands in full."""
    return safe_text("\n".join(_lines(value, elsewhere, depth=0)), limit=limit)


def field_lines(value: Any) -> str:
    """`value` as JSON with a line for each field or item: whole, and short where an outline stands beside it."""
    if isinstance(value, dict) and value:
        named = cast("dict[str, Any]", value).items()
        return "{\n" + ",\n".join(f"  {_json(name)}: {_json(each)}" for name, each in named) + "\n}"
    if isinstance(value, list) and value:
        return "[\n" + ",\n".join(f"  {_json(each)}" for each in cast("list[Any]", value)) + "\n]"
    return _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def bounded(value: JsonValue, *, limit: int = 4_000) -> JsonValue:
    """`value` where its JSON is short enough, else the same with long strings cut and long lists ended early."""
    if _fits(value, limit):
        return value
    for characters, members in _STEPS:
        shorter = _shorter(value, characters, members, depth=0)
        if _fits(shorter, limit):
            return shorter
    size = len(_json(value))
    return f"(too large to show here: {size:,} characters of JSON; the agent run has all of it)"


def _fits(value: JsonValue, limit: int) -> bool:
    return len(safe_json(value, limit=limit)) < limit


def _shorter(value: JsonValue, characters: int, members: int, *, depth: int) -> JsonValue:
    if isinstance(value, str):
        return safe_text(value, limit=characters)
    if isinstance(value, (list, dict)) and depth >= _DEEPEST:
        return "(more levels)"
    if isinstance(value, list):
        kept: list[JsonValue] = [_shorter(each, characters, members, depth=depth + 1) for each in value[:members]]
        return kept if len(value) <= members else [*kept, f"(and {len(value) - members:,} more)"]
    if isinstance(value, dict):
        shown = {
            safe_text(name, limit=200): _shorter(each, characters, members, depth=depth + 1)
            for name, each in list(value.items())[: 2 * members]
        }
        left = len(value) - 2 * members
        return shown if left <= 0 else {**shown, "(and more)": f"{left:,} further fields"}
    return value


def _lines(value: Any, elsewhere: str, *, depth: int) -> list[str]:
    if isinstance(value, dict) and value and depth < _DEEPEST:
        named = cast("dict[str, Any]", value).items()
        return [line for name, each in named for line in _entry(f"{_name(name)}:", each, elsewhere, depth=depth)]
    if isinstance(value, list) and value and depth < _DEEPEST:
        return [line for each in cast("list[Any]", value) for line in _item(each, elsewhere, depth=depth)]
    return _scalar(value, elsewhere)


def _entry(label: str, value: Any, elsewhere: str, *, depth: int) -> list[str]:
    below = _lines(value, elsewhere, depth=depth + 1)
    if _nested(value) or len(below) > 1:
        return [label, *_indented(below)]
    return [f"{label} {below[0]}"]


def _item(value: Any, elsewhere: str, *, depth: int) -> list[str]:
    first, *rest = _lines(value, elsewhere, depth=depth + 1)
    return [f"- {first}", *_indented(rest)]


def _scalar(value: Any, elsewhere: str) -> list[str]:
    if not isinstance(value, str):
        return [safe_text(_json(value), limit=LONGEST_TEXT)]
    if elsewhere and len(value) > LONGEST_TEXT:
        return [f"(a text of {len(value):,} characters: {elsewhere})"]
    text = safe_text(value, limit=LONGEST_TEXT)
    if "\n" in text:
        return [f"| {line}" for line in text.split("\n")]
    return [text or '""']


def _name(name: str) -> str:
    return safe_text(name.replace("\n", "\\n").replace("\t", "\\t"), limit=200)


def _nested(value: Any) -> bool:
    return isinstance(value, (dict, list)) and bool(cast("dict[str, Any] | list[Any]", value))


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"  {line}" for line in lines]
