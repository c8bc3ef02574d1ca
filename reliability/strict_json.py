"""Text of JSON -> its value, for whatever a person or a program hands in: the same everywhere, whoever reads it."""

from __future__ import annotations

import json
from math import isfinite
from typing import Any

_INTEGER_LIMIT = 2**63


class TooDeep(ValueError):
    """The nesting is deeper than Python reads."""


def loads(text: str) -> Any:
    """The value. Raises ValueError with half a sentence that says what is wrong.

    Refused beside what is no JSON: a key that is there twice in an object, NaN and infinite numbers, integers beyond 64
    bits, and nesting that Python cannot read.
    """
    try:
        return json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_int=_bounded,
            parse_float=_finite,
        )
    except RecursionError as exc:
        raise TooDeep("it is nested too deeply") from exc


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Two readers may disagree on which of two equal keys counts; with `projectId` that would be a way round the
    # separation of projects.
    made: dict[str, Any] = {}
    for key, value in pairs:
        if key in made:
            raise ValueError(f"the key {key[:80]!r} is there twice")
        made[key] = value
    return made


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _bounded(digits: str) -> int:
    # Longer ones take Python quadratic time to read.
    if len(digits) > 20 or not -_INTEGER_LIMIT <= (value := int(digits)) < _INTEGER_LIMIT:
        raise ValueError("a number does not fit into 64 bits")
    return value


def _finite(digits: str) -> float:
    value = float(digits)
    if not isfinite(value):
        raise ValueError(f"{digits[:40]} is not a finite number")
    return value
