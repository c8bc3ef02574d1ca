"""A literal value, as written in YAML, -> the schema of just that value; templates in it keep their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from compiler.schemas.combine import JsonSchema, SchemaBundle
from compiler.schemas.excerpt import PathStep
from compiler.schemas.traversal import Schema

Known = Callable[[tuple[PathStep, ...], str], Schema | None]
"""Place and text of a string in the literal -> its schema where it is a template, None where it is just text."""


def infer(value: object, known: Known | None = None) -> JsonSchema:
    """The schema that accepts `value` and nothing else, apart from the strings that `known` has a schema for."""
    bundle = SchemaBundle()
    return bundle.seal(_inferred(value, (), known, bundle))


def _inferred(value: object, path: tuple[PathStep, ...], known: Known | None, bundle: SchemaBundle) -> JsonSchema:
    if isinstance(value, str) and known is not None:
        schema = known(path, value)
        return {"const": value} if schema is None else bundle.embed(schema)
    if isinstance(value, Mapping):
        items = cast("Mapping[str, object]", value)
        properties = {name: _inferred(item, (*path, name), known, bundle) for name, item in items.items()}
        return _exact_object(properties)
    if isinstance(value, list | tuple):
        sequence = cast("Sequence[object]", value)
        return _exact_array(
            [_inferred(item, (*path, index), known, bundle) for index, item in enumerate(sequence)]
        )
    return {"const": value}


def _exact_object(properties: dict[str, JsonSchema]) -> JsonSchema:
    if all(schema.keys() == {"const"} for schema in properties.values()):
        return {"const": {name: schema["const"] for name, schema in properties.items()}}
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _exact_array(items: list[JsonSchema]) -> JsonSchema:
    if all(schema.keys() == {"const"} for schema in items):
        constants: list[Any] = [schema["const"] for schema in items]
        return {"const": constants}
    return {"type": "array", "prefixItems": items, "items": False, "minItems": len(items)}
