"""Any value -> a private copy that is bounded JSON data, or the reason why it is not."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, cast

from compiler.schemas.excerpt import PathStep, json_path, shown

MAX_DEPTH = 96
"""Levels of nesting; the validator recurses, and Python's stack is finite."""
_INTEGER_BOUND = 2**1000
"""Beyond it, arithmetic with floats overflows."""


class NotPlain(ValueError):
    """The value is not JSON data, or larger than allowed. The message says where and what."""


def check_plain(value: object, *, max_values: int, max_depth: int = MAX_DEPTH) -> None:
    """Raises NotPlain unless `value` is JSON data of at most so many values and levels. Does not recurse."""
    stack: list[Iterator[tuple[PathStep, object]]] = [iter([("", value)])]
    path: list[PathStep] = []
    seen = 0
    while stack:
        entry = next(stack[-1], None)
        if entry is None:
            stack.pop()
            if path:
                path.pop()
            continue
        step, item = entry
        seen += 1
        if seen > max_values:
            raise NotPlain(f"$: holds more than {max_values} values; make it smaller")
        if isinstance(item, str) or item is None or isinstance(item, bool):
            continue
        if isinstance(item, int | float):
            if not _is_json_number(item):
                raise NotPlain(f"{_at(path, step, stack)}: {shown(item)} is not a usable JSON number")
            continue
        children = _children(item)
        if children is None:
            raise NotPlain(f"{_at(path, step, stack)}: a Python {type(item).__name__} is not JSON data")
        if len(stack) > max_depth:
            raise NotPlain(f"{_at(path, step, stack)}: nested more than {max_depth} levels deep")
        if len(stack) > 1:
            path.append(step)
        stack.append(children)


def more_values_than(value: object, most: int) -> bool:
    """Whether it holds more values than that, found after looking at so many."""
    left, seen = [value], 0
    while left:
        item = left.pop()
        seen += 1
        if isinstance(item, Mapping):
            left += list(islice(cast("Mapping[str, object]", item).values(), most + 1))
        elif isinstance(item, list | tuple):
            left += list(islice(cast("Sequence[object]", item), most + 1))
        if seen + len(left) > most:
            return True
    return False


def copied(value: object) -> Any:
    """A copy made of dicts and lists. The value must have passed `check_plain`."""
    if isinstance(value, Mapping):
        mapping = cast("Mapping[str, object]", value)
        return {key: copied(item) for key, item in mapping.items()}
    if isinstance(value, list | tuple):
        return [copied(item) for item in cast("Sequence[object]", value)]
    return value


def _children(item: object) -> Iterator[tuple[PathStep, object]] | None:
    if isinstance(item, Mapping):
        mapping = cast("Mapping[Any, Any]", item)
        if not all(isinstance(key, str) for key in mapping):
            return None
        return iter(mapping.items())
    if isinstance(item, list | tuple):
        return iter(enumerate(cast("Sequence[Any]", item)))
    return None


def _is_json_number(item: int | float) -> bool:
    return math.isfinite(item) if isinstance(item, float) else abs(item) < _INTEGER_BOUND


def _at(path: list[PathStep], step: PathStep, stack: list[Any]) -> str:
    return json_path([*path, step] if len(stack) > 1 else path)
