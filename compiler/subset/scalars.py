"""Rules for numbers and strings: ranges, factors, lengths, patterns."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from compiler.schemas.excerpt import shown
from compiler.subset.ask import Ask, Rule
from compiler.subset.node import Node
from compiler.subset.part import TypePart
from compiler.subset.result import Reason

_EXACT = 2**53
"""Up to here, a float holds every whole number."""


def _minimum(_ask: Ask, part: TypePart, _wanted: Node, bound: Any) -> Iterator[Reason]:
    if part.kind == "number" and part.number.low < bound:
        yield Reason(sentence=f"{_may_be(part, part.number.low, 'low')}, but must be at least {shown(bound)}")


def _exclusive_minimum(_ask: Ask, part: TypePart, _wanted: Node, bound: Any) -> Iterator[Reason]:
    if part.kind == "number":
        low, is_open = part.number.low, part.number.low_open
        if low < bound or (low == bound and not is_open):
            yield Reason(sentence=f"{_may_be(part, low, 'low')}, but must be more than {shown(bound)}")


def _maximum(_ask: Ask, part: TypePart, _wanted: Node, bound: Any) -> Iterator[Reason]:
    if part.kind == "number" and part.number.high > bound:
        yield Reason(sentence=f"{_may_be(part, part.number.high, 'high')}, but must be at most {shown(bound)}")


def _exclusive_maximum(_ask: Ask, part: TypePart, _wanted: Node, bound: Any) -> Iterator[Reason]:
    if part.kind == "number":
        high, is_open = part.number.high, part.number.high_open
        if high > bound or (high == bound and not is_open):
            yield Reason(sentence=f"{_may_be(part, high, 'high')}, but must be less than {shown(bound)}")


def _may_be(part: TypePart, bound: int | float, end: str) -> str:
    if math.isinf(bound):
        return f"may be {part.name} without {'a lower' if end == 'low' else 'an upper'} limit"
    return f"may be as {end} as {shown(bound)}"


def _multiple_of(_ask: Ask, part: TypePart, _wanted: Node, factor: Any) -> Iterator[Reason]:
    if part.kind == "number" and not _is_multiple(part, factor):
        yield Reason(sentence=f"may be {part.name} that is no multiple of {shown(factor)}, which it must be")


def _is_multiple(part: TypePart, factor: int | float) -> bool:
    if isinstance(factor, int) and factor == 1 and part.number.integer:
        return True
    for own in part.number.factors:
        if type(own) is type(factor) and own == factor:
            return True
        # Only whole factors: with floats, the validator divides in floating point, which is not transitive.
        if isinstance(own, int) and isinstance(factor, int) and max(own, factor) <= _EXACT and own % factor == 0:
            return True
    return False


def _min_length(_ask: Ask, part: TypePart, _wanted: Node, bound: Any) -> Iterator[Reason]:
    if part.kind == "string" and part.string.least < bound:
        yield Reason(sentence=f"may have only {part.string.least} characters, but must have at least {bound}")


def _max_length(_ask: Ask, part: TypePart, _wanted: Node, bound: Any) -> Iterator[Reason]:
    if part.kind == "string" and part.string.most > bound:
        most = part.string.most
        may = "may have any number of characters" if math.isinf(most) else f"may have {most} characters"
        yield Reason(sentence=f"{may}, but must have at most {bound}")


def _pattern(_ask: Ask, part: TypePart, _wanted: Node, pattern: Any) -> Iterator[Reason]:
    if part.kind != "string" or pattern in part.string.patterns:
        return
    must = f"but must match the pattern {shown(pattern, 80)}"
    if part.string.patterns:
        own = shown(part.string.patterns[0], 80)
        sentence = f"matches {own}, {must}; patterns can only be shown to fit where they are equal"
        yield Reason(sentence=sentence, kind="unproven")
    else:
        yield Reason(sentence=f"may be any text, {must}")


RULES: dict[str, Rule] = {
    "exclusiveMaximum": _exclusive_maximum,
    "exclusiveMinimum": _exclusive_minimum,
    "maxLength": _max_length,
    "maximum": _maximum,
    "minLength": _min_length,
    "minimum": _minimum,
    "multipleOf": _multiple_of,
    "pattern": _pattern,
}
