"""A schema -> its subschemas, or a copy with references changed. Tells schema from data: `const` is not traversed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

from compiler.schemas.vocabulary import SUBSCHEMAS

Schema = Mapping[str, Any] | bool


def children(schema: Any) -> Iterator[Any]:
    """The direct subschemas, definitions included."""
    if not isinstance(schema, Mapping):
        return
    for keyword, value in cast("Mapping[str, Any]", schema).items():
        holds = SUBSCHEMAS.get(keyword)
        if holds == "schema":
            yield value
        elif holds == "schemas":
            yield from cast("Sequence[Any]", value)
        elif holds is not None:
            yield from cast("Mapping[str, Any]", value).values()


def references(schema: Any) -> Iterator[str]:
    """Every `$ref` in the schema and below, definitions included."""
    stack = [schema]
    while stack:
        current = stack.pop()
        if isinstance(current, Mapping) and "$ref" in current:
            yield cast("Mapping[str, str]", current)["$ref"]
        stack.extend(children(current))


def rebuilt(schema: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    """A copy with `change` applied to each object schema, innermost first."""
    if not isinstance(schema, Mapping):
        return schema
    copy: dict[str, Any] = {}
    for keyword, value in cast("Mapping[str, Any]", schema).items():
        holds = SUBSCHEMAS.get(keyword)
        if holds == "schema":
            copy[keyword] = rebuilt(value, change)
        elif holds == "schemas":
            copy[keyword] = [rebuilt(each, change) for each in cast("Sequence[Any]", value)]
        elif holds is not None:
            named = cast("Mapping[str, Any]", value)
            copy[keyword] = {name: rebuilt(each, change) for name, each in named.items()}
        else:
            copy[keyword] = value
    return change(copy)


def rebased(schema: Any, prefix: str) -> Any:
    """A copy whose local references start with `prefix`: `#/$defs/a` becomes `<prefix>/$defs/a`."""

    def change(copy: dict[str, Any]) -> dict[str, Any]:
        if "$ref" in copy:
            copy["$ref"] = prefix + cast("str", copy["$ref"]).removeprefix("#")
        return copy

    return rebuilt(schema, change)
