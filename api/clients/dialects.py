"""A JSON Schema of the OpenAPI document -> a type, as Python or TypeScript writes it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

Schema = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """How a language writes types."""

    scalars: Mapping[str, str]
    """JSON type -> type."""
    anything: str
    array: str
    """With `{}` for the type of an element."""
    mapping: str
    """With `{}` for the type of a value."""
    literals: str
    """With `{}` for a list of values."""
    between: str
    """Between the values of that list."""

    def literal(self, values: Sequence[Any]) -> str:
        """A type of these values only."""
        written = [repr(each) if self is PYTHON else json.dumps(each) for each in values]
        return self.literals.format(self.between.join(text.replace("'", '"') for text in written))


PYTHON = Dialect(
    scalars={"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"},
    anything="Any",
    array="list[{}]",
    mapping="dict[str, {}]",
    literals="Literal[{}]",
    between=", ",
)
TYPESCRIPT = Dialect(
    scalars={"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"},
    anything="unknown",
    array="Array<{}>",
    mapping="Record<string, {}>",
    literals="{}",
    between=" | ",
)


def type_of(schema: Schema, dialect: Dialect) -> str:
    """The type. What a language cannot say (lengths, patterns) is left to the server."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    for word in ("anyOf", "oneOf"):
        if word in schema:
            found = [type_of(each, dialect) for each in schema[word]]
            return " | ".join(dict.fromkeys(found))
    if "const" in schema:
        return dialect.literal([schema["const"]])
    if "enum" in schema:
        return dialect.literal(schema["enum"])
    match schema.get("type"):
        case "array":
            return dialect.array.format(type_of(schema.get("items", {}), dialect))
        case "object":
            inside = schema.get("additionalProperties")
            values = type_of(cast("Schema", inside), dialect) if isinstance(inside, Mapping) else dialect.anything
            return dialect.mapping.format(values)
        case str(kind):
            return dialect.scalars[kind]
        case _:
            return dialect.anything


def fields_of(schema: Schema) -> list[tuple[str, Schema, bool]]:
    """Name, schema, and whether it must be there, of each property."""
    needed = set(schema.get("required", ()))
    return [(name, inner, name in needed) for name, inner in schema.get("properties", {}).items()]
