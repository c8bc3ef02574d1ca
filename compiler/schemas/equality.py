"""Equality and types of JSON values: `1` equals `1.0` and is an integer; `true` is neither."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, cast

from compiler.schemas.budget import spend

_NUMBER = (int, float)


def equal(left: Any, right: Any) -> bool:
    """Whether two JSON values are the same value."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, str) or isinstance(right, str) or left is None or right is None:
        return left == right
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        ones, others = cast("Mapping[str, Any]", left), cast("Mapping[str, Any]", right)
        spend(len(ones))
        return len(ones) == len(others) and all(
            name in others and equal(item, others[name]) for name, item in ones.items()
        )
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        these, those = cast("Sequence[Any]", left), cast("Sequence[Any]", right)
        spend(len(these))
        return len(these) == len(those) and all(map(equal, these, those))
    return isinstance(left, _NUMBER) and isinstance(right, _NUMBER) and left == right


def frozen(value: Any) -> Hashable:
    """A hashable stand-in: two stand-ins are equal exactly if their JSON values are."""
    spend()
    if isinstance(value, bool):
        return ("boolean", value)
    if isinstance(value, Mapping):
        mapping = cast("Mapping[str, Any]", value)
        return ("object", frozenset((name, frozen(item)) for name, item in mapping.items()))
    if isinstance(value, list | tuple):
        return ("array", tuple(frozen(item) for item in cast("Sequence[Any]", value)))
    return cast("Hashable", value)


def _is_integer(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, int) or (isinstance(value, float) and value.is_integer())


_TESTS: Mapping[str, Callable[[Any], bool]] = {
    "array": lambda value: isinstance(value, list | tuple),
    "boolean": lambda value: isinstance(value, bool),
    "integer": _is_integer,
    "null": lambda value: value is None,
    "number": lambda value: isinstance(value, _NUMBER) and not isinstance(value, bool),
    "object": lambda value: isinstance(value, Mapping),
    "string": lambda value: isinstance(value, str),
}


def is_type(value: Any, name: str) -> bool:
    """Whether a JSON value is of a JSON Schema type."""
    test = _TESTS.get(name)
    return test is not None and test(value)
