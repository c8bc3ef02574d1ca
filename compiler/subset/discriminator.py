"""An object part -> narrower parts, told apart by a property with few values: a tagged union."""

from __future__ import annotations

from typing import Any

from compiler.subset.alternatives import alternatives
from compiler.subset.node import Conjunction, Node, made
from compiler.subset.part import TypePart, parts

MAX_TAGS = 16


def told_apart(part: TypePart, options: list[Node]) -> list[TypePart]:
    """One part for each value of the first tag property of the options that the part has; or none."""
    if part.kind != "object":
        return []
    for name in _tags(options):
        if name in part.object.required and name not in part.split_on:
            values = _values(part.object.value_of(name))
            if values and len(values) > 1:
                return [_narrowed(part, name, value) for value in values]
    return []


def _tags(options: list[Node]) -> list[str]:
    """Properties that some option ties to given values."""
    names: dict[str, None] = {}
    for option in options:
        for name, schema in _properties(option).items():
            if not isinstance(schema, bool) and ("const" in schema or "enum" in schema):
                names.setdefault(name)
    return list(names)


def _properties(option: Node) -> dict[str, Any]:
    raw = option.raw
    while not isinstance(raw, bool) and "$ref" in raw:
        raw = option.doc.resolve(raw["$ref"])
    return {} if isinstance(raw, bool) else raw.get("properties", {})


def _values(conjunction: Conjunction) -> list[Any] | None:
    """All values there are; None: not few, or not known."""
    values: list[Any] = []
    for nodes, types in alternatives(conjunction):
        for part in parts(nodes, types):
            if part.kind != "values":
                return None
            values.extend(part.values)
            if len(values) > MAX_TAGS:
                return None
    return values


def _narrowed(part: TypePart, name: str, value: Any) -> TypePart:
    tagged = made({"properties": {name: {"const": value}}})
    narrower = TypePart(part.kind, (*part.nodes, tagged), part.types)
    narrower.split_on = part.split_on | {name}
    return narrower
