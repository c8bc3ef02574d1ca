"""A conjunction -> whether it certainly accepts nothing, for its types, bounds, values or properties contradict.

Says no if it is not sure, which only makes the check refuse more.
"""

from __future__ import annotations

from compiler.subset.alternatives import alternatives
from compiler.subset.node import Conjunction
from compiler.subset.part import TypePart, parts

_MAX_DEPTH = 4
"""Levels of properties and items that are looked into."""


def is_empty(conjunction: Conjunction, depth: int = _MAX_DEPTH) -> bool:
    """Whether no value is accepted by all of the schemas. Raises TooMuchWork."""
    return all(
        _part_is_empty(part, depth) for nodes, types in alternatives(conjunction) for part in parts(nodes, types)
    )


def _part_is_empty(part: TypePart, depth: int) -> bool:
    if part.kind == "values":
        return not part.values
    if part.kind == "number":
        return part.number.empty
    if part.kind == "string":
        return part.string.least > part.string.most
    if part.kind == "array":
        return _array_is_empty(part, depth)
    return _object_is_empty(part, depth)


def _array_is_empty(part: TypePart, depth: int) -> bool:
    array = part.array
    if array.least > array.most:
        return True
    places = range(int(min(array.least, array.prefix + 1)))
    return depth > 0 and any(is_empty(array.item(index), depth - 1) for index in places)


def _object_is_empty(part: TypePart, depth: int) -> bool:
    facts = part.object
    if facts.least > facts.most or not all(map(facts.possible, facts.required)):
        return True
    return depth > 0 and any(is_empty(facts.value_of(name), depth - 1) for name in facts.required)
