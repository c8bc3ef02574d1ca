"""The filters of the expression language: pure functions over JSON values, linear in what they are given."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

Kind = Literal["text", "number", "list", "object", "any"]


class FilterError(ValueError):
    """A filter was given a value it does not take."""


@dataclass(frozen=True)
class Filter:
    """One filter: what it takes, how many arguments, what it does."""

    apply: Callable[..., Any]
    takes: tuple[Kind, ...]
    """Kinds of value it takes; null only with `any`."""
    gives: Literal["text", "integer", "number", "boolean", "item", "same", "list-of-text", "any"]
    """What comes out: `item` is an item of the list, `same` the kind that went in."""
    arguments: tuple[int, int] = (0, 0)
    """Least and most."""
    about: str = ""


def kind_of(value: Any) -> str:
    """The value's kind as messages name it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "text"
    if isinstance(value, int | float):
        return "number"
    return "object" if isinstance(value, Mapping) else "list"


def to_text(value: Any) -> str:
    """The value as it appears inside text: null is nothing, lists and objects are compact JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return to_json(value)


def to_json(value: Any) -> str:
    """Compact JSON, text unescaped."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def equal(left: Any, right: Any) -> bool:
    """JSON equality: `true` is not `1`, `1` is `1.0`."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list) and isinstance(right, list):
        ours, theirs = cast("list[Any]", left), cast("list[Any]", right)
        return len(ours) == len(theirs) and all(map(equal, ours, theirs))
    if isinstance(left, dict) and isinstance(right, dict):
        mine, other = cast("dict[str, Any]", left), cast("dict[str, Any]", right)
        return mine.keys() == other.keys() and all(equal(value, other[key]) for key, value in mine.items())
    return bool(left == right)


def _join(value: Sequence[Any], separator: str = "") -> str:
    return _text(separator, "separator").join(to_text(item) for item in value)


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise FilterError(f"the {what} must be text, not {kind_of(value)}")
    return value


def _default(value: Any, other: Any) -> Any:
    return other if value is None else value


def _first(value: Sequence[Any]) -> Any:
    return value[0] if value else None


def _last(value: Sequence[Any]) -> Any:
    return value[-1] if value else None


def _round(value: float, digits: Any = 0) -> int | float:
    if isinstance(digits, bool) or not isinstance(digits, int) or not 0 <= digits <= 15:
        raise FilterError("the number of digits must be a whole number from 0 to 15")
    rounded = round(value, digits)
    return int(rounded) if digits == 0 else rounded


def _integer(value: str | float) -> int:
    try:
        if isinstance(value, str) and len(value) > 20:
            raise ValueError
        return int(value)
    except (ValueError, OverflowError):
        raise FilterError(f"{to_text(value)[:40]!r} is not a whole number") from None


def _numbers(value: Sequence[Any]) -> list[int | float]:
    for item in value:
        if isinstance(item, bool) or not isinstance(item, int | float):
            raise FilterError(f"the list must hold numbers, not {kind_of(item)}")
    return list(value)


def _sum(value: Sequence[Any]) -> int | float:
    total = math.fsum(_numbers(value))
    return int(total) if total.is_integer() and all(isinstance(item, int) for item in value) else total


def _sort(value: Sequence[Any]) -> list[Any]:
    kinds = {kind_of(item) for item in value}
    if not kinds <= {"text"} and not kinds <= {"number"}:
        raise FilterError("only a list of texts or a list of numbers can be sorted")
    return sorted(value)


def _unique(value: Sequence[Any]) -> list[Any]:
    # Equal values have equal canonical text: number formats are made one first.
    seen: dict[str, Any] = {}
    for item in value:
        seen.setdefault(json.dumps(_plain_numbers(item), sort_keys=True), item)
    return list(seen.values())


def _plain_numbers(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_plain_numbers(item) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {key: _plain_numbers(item) for key, item in cast("dict[str, Any]", value).items()}
    return value


def _pluck(value: Sequence[Any], field: Any) -> list[Any]:
    name = _text(field, "field")
    return [cast("dict[str, Any]", item).get(name) if isinstance(item, dict) else None for item in value]


def _split(value: str, separator: Any) -> list[str]:
    if not _text(separator, "separator"):
        raise FilterError("the separator must not be empty")
    return value.split(separator)


def _replace(value: str, old: Any, new: Any) -> str:
    if not _text(old, "text to replace"):
        raise FilterError("the text to replace must not be empty")
    return value.replace(old, _text(new, "replacement"))


FILTERS: Mapping[str, Filter] = {
    "length": Filter(len, ("text", "list", "object"), "integer", about="number of characters, items or keys"),
    "default": Filter(_default, ("any",), "any", (1, 1), "the argument where the value is null or missing"),
    "first": Filter(_first, ("list",), "item", about="first item; null of an empty list"),
    "last": Filter(_last, ("list",), "item", about="last item; null of an empty list"),
    "join": Filter(_join, ("list",), "text", (0, 1), "the items as one text, with a separator"),
    "upper": Filter(str.upper, ("text",), "text", about="in capitals"),
    "lower": Filter(str.lower, ("text",), "text", about="in small letters"),
    "trim": Filter(str.strip, ("text",), "text", about="without white space at both ends"),
    "replace": Filter(_replace, ("text",), "text", (2, 2), "each occurrence of one text by another"),
    "split": Filter(_split, ("text",), "list-of-text", (1, 1), "the text in parts"),
    "tojson": Filter(to_json, ("any",), "text", about="the value as JSON text"),
    "string": Filter(to_text, ("any",), "text", about="the value as text"),
    "int": Filter(_integer, ("text", "number"), "integer", about="a whole number, from text or cut off"),
    "round": Filter(_round, ("number",), "number", (0, 1), "rounded, to a number of digits"),
    "sum": Filter(_sum, ("list",), "number", about="sum of a list of numbers"),
    "sort": Filter(_sort, ("list",), "same", about="texts or numbers in order"),
    "unique": Filter(_unique, ("list",), "same", about="each value once"),
    "pluck": Filter(_pluck, ("list",), "any", (1, 1), "one field of each object of a list"),
    "keys": Filter(sorted, ("object",), "list-of-text", about="the names of an object's fields, in order"),
}
