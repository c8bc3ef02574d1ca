"""A conjunction of schemas -> the alternatives it allows, each a list of schemas without `anyOf` and the like.

An instance accepted by the conjunction is accepted by all schemas of at least one alternative. What cannot be
expressed that way (`not`, `dependentSchemas`, the exclusiveness of `oneOf`) is left out, which only makes the
alternatives wider.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from compiler.schemas.budget import spend
from compiler.subset.node import Conjunction, Node

TypeSet = frozenset[str]
"""Of null, boolean, integer, fraction (a number that is no integer), string, array, object."""

ALL_TYPES: TypeSet = frozenset({"null", "boolean", "integer", "fraction", "string", "array", "object"})
_BITS: dict[str, TypeSet] = {name: frozenset({name}) for name in ALL_TYPES - {"fraction"}} | {
    "number": frozenset({"integer", "fraction"})
}
_Choice = list[tuple[Node, ...]]
_STEPS = 5


def types_of(raw: Any) -> TypeSet:
    """The types that an object schema's own `type` (and a whole `multipleOf`) allow."""
    if "type" not in raw and "multipleOf" not in raw:
        return ALL_TYPES
    names = raw.get("type", list(_BITS))
    sets = [_BITS[name] for name in ([names] if isinstance(names, str) else names)]
    allowed: TypeSet = frozenset[str]().union(*sets)
    return allowed - {"fraction"} if isinstance(raw.get("multipleOf"), int) else allowed


def alternatives(conjunction: Conjunction) -> Iterator[tuple[tuple[Node, ...], TypeSet]]:
    """Each alternative's schemas, and the types that are left to it. Raises TooMuchWork."""
    yield from _expanded(list(conjunction), [], {}, ALL_TYPES)


def _expanded(
    pending: list[Node], choices: list[_Choice], held: dict[tuple[int, int], Node], types: TypeSet
) -> Iterator[tuple[tuple[Node, ...], TypeSet]]:
    while pending:
        spend(_STEPS)
        node = pending.pop()
        if node.excludes_all:
            return
        if node.raw is True or node.key in held:
            continue
        held[node.key] = node
        types &= types_of(node.raw)
        if not types:
            return
        pending.extend(_also(node))
        choices.extend(_choices(node))
    if not choices:
        yield tuple(held.values()), types
        return
    for option in choices[0]:
        yield from _expanded(list(option), choices[1:], dict(held), types)


def _also(node: Node) -> Iterator[Node]:
    """What holds together with a schema."""
    if "$ref" in node.raw:
        yield node.inner(node.doc.resolve(node.raw["$ref"]))
    for each in node.raw.get("allOf", ()):
        yield node.inner(each)


def _choices(node: Node) -> Iterator[_Choice]:
    """What of a schema holds only in part."""
    for keyword in ("anyOf", "oneOf"):
        if keyword in node.raw:
            yield [(node.inner(each),) for each in node.raw[keyword]]
    if "if" in node.raw and ("then" in node.raw or "else" in node.raw):
        then = (node.inner(node.raw["if"]), node.inner(node.raw.get("then", True)))
        yield [then, (node.inner(node.raw.get("else", True)),)]
