"""JSON values and paths -> short, printable text for messages. Never more than a few hundred characters."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

MAX_SHOWN = 120
"""Characters of a value that a message shows."""
MAX_PATH = 200
_MAX_DEPTH = 4
_LARGEST_INTEGER = 10**40
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*\Z")

PathStep = str | int


def shown(value: object, limit: int = MAX_SHOWN) -> str:
    """`value` as JSON on one line, cut at `limit` characters, with unprintable characters escaped."""
    text = ""
    for piece in _pieces(value, limit, 0):
        text += piece
        if len(text) > limit:
            return text[: limit - 1] + "…"
    return text


def printable(text: str, limit: int = MAX_SHOWN) -> str:
    """`text` cut at `limit`; control, bidirectional and other unprintable characters become `\\u` escapes."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in cut)


def json_path(path: Iterable[PathStep]) -> str:
    """`["nodes", 0, "odd name"]` -> `$.nodes[0]["odd name"]`."""
    text = "$"
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif step == "*":
            text += "[*]"
        elif _PLAIN_NAME.match(step):
            text += f".{step}"
        else:
            text += f"[{_quoted(step, 60)}]"
        if len(text) > MAX_PATH:
            return text[: MAX_PATH - 1] + "…"
    return text


def listed(names: Sequence[object], limit: int = 8) -> str:
    """`'a', 'b' and 3 more`, for messages."""
    parts = [shown(name, 60) for name in names[:limit]]
    more = len(names) - len(parts)
    if more > 0:
        return f"{', '.join(parts)} and {more} more"
    return f"{', '.join(parts[:-1])} or {parts[-1]}" if len(parts) > 1 else "".join(parts)


def _quoted(text: str, limit: int) -> str:
    return printable(json.dumps(text[: limit + 1], ensure_ascii=False), limit)


def _pieces(value: object, limit: int, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        yield _quoted(value, limit)
    elif isinstance(value, Mapping):
        yield from _object_pieces(cast("Mapping[Any, Any]", value), limit, depth)
    elif isinstance(value, list | tuple):
        yield from _array_pieces(cast("Sequence[Any]", value), limit, depth)
    elif isinstance(value, bool) or value is None:
        yield json.dumps(value)
    elif isinstance(value, int) and abs(value) > _LARGEST_INTEGER:
        yield f"an integer of {value.bit_length()} bits"
    elif isinstance(value, int | float):
        yield repr(value)
    else:
        yield f"a Python {type(value).__name__}"


def _object_pieces(value: Mapping[Any, Any], limit: int, depth: int) -> Iterator[str]:
    if depth >= _MAX_DEPTH:
        yield "{…}"
        return
    yield "{"
    for index, (key, item) in enumerate(value.items()):
        yield (", " if index else "") + _quoted(str(key), limit) + ": "
        yield from _pieces(item, limit, depth + 1)
    yield "}"


def _array_pieces(value: Sequence[Any], limit: int, depth: int) -> Iterator[str]:
    if depth >= _MAX_DEPTH:
        yield "[…]"
        return
    yield "["
    for index, item in enumerate(value):
        yield ", " if index else ""
        yield from _pieces(item, limit, depth + 1)
    yield "]"
