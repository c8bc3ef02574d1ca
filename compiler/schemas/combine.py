"""Schemas -> one schema: alternatives, "or null", parts of a larger whole. Definitions never collide."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, cast

from compiler.schemas.plain import copied
from compiler.schemas.traversal import Schema, rebased, rebuilt, references

JsonSchema = dict[str, Any]


class SchemaBundle:
    """Collects self-contained schemas; returns references to them inside one common schema."""

    def __init__(self) -> None:
        self.definitions: dict[str, Any] = {}

    def embed(self, schema: Schema) -> JsonSchema:
        """What to write in the common schema for `schema`. `seal` must follow in the end."""
        if isinstance(schema, bool):
            return {} if schema else {"not": {}}
        plain = cast("JsonSchema", copied(schema))
        for keyword in ("$schema", "$id"):
            plain.pop(keyword, None)
        if next(references(plain), None) is None:
            return {key: value for key, value in plain.items() if key not in ("$defs", "definitions")}
        digest = hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:12]
        pointer = f"#/$defs/{digest}"
        self.definitions[digest] = rebased(plain, pointer)
        return {"$ref": pointer}

    def seal(self, schema: JsonSchema) -> JsonSchema:
        """The common schema with the definitions that its parts need."""
        return {**schema, "$defs": self.definitions} if self.definitions else schema


def union(*schemas: Schema) -> JsonSchema:
    """A schema that accepts what any of the schemas accepts."""
    bundle = SchemaBundle()
    branches: list[JsonSchema] = []
    for schema in schemas:
        for branch in _branches(bundle.embed(schema)):
            if branch == {}:
                return {}
            if branch not in branches and branch != {"not": {}}:
                branches.append(branch)
    if not branches:
        return {"not": {}}
    return bundle.seal(branches[0] if len(branches) == 1 else {"anyOf": branches})


def nullable(schema: Schema) -> JsonSchema:
    """The schema, or null: for the output of a node that may be skipped or may fail."""
    return union(schema, {"type": "null"})


def array_of(schema: Schema) -> JsonSchema:
    """Any number of what the schema accepts: the output of a node that runs once for each item."""
    bundle = SchemaBundle()
    return bundle.seal({"type": "array", "items": bundle.embed(schema)})


def closed(schema: Mapping[str, Any]) -> JsonSchema:
    """The schema without room for properties that it does not name.

    A Pydantic model never gives out what it did not declare, but its JSON Schema leaves that open, and a consumer
    with optional fields could then be handed anything in them. Done only where each object schema is complete by
    itself, as those of models are; a schema that spreads one over several (`allOf`, `if` …) is returned as it is.
    """
    plain = cast("JsonSchema", copied(schema))
    spread = False

    def look(copy: JsonSchema) -> JsonSchema:
        nonlocal spread
        keys = copy.keys()
        spread = spread or bool(_PARTIAL & keys) or ("properties" in keys and bool(_COMBINING & keys))
        return copy

    def close(copy: JsonSchema) -> JsonSchema:
        if "properties" in copy and not {"additionalProperties", "patternProperties"} & copy.keys():
            copy["additionalProperties"] = False
        return copy

    rebuilt(plain, look)
    return plain if spread else cast("JsonSchema", rebuilt(plain, close))


_PARTIAL = frozenset({"allOf", "dependentSchemas", "if", "not"})
_COMBINING = frozenset({"$ref", "anyOf", "oneOf"})


def _branches(schema: JsonSchema) -> list[JsonSchema]:
    """The alternatives of a schema that is nothing but `anyOf`."""
    if schema.keys() <= {"anyOf", "title", "description", "default"} and "anyOf" in schema:
        return [{} if branch is True else branch for branch in schema["anyOf"] if branch is not False]
    return [schema]
