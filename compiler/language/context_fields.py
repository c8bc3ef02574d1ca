"""A context as an author writes it, field by field or as a JSON Schema -> the JSON Schema, and what defaults fill in.

    environment: {type: string, enum: [staging, production], default: staging}
    ticket: {type: string, required: false}

A field is required unless it has a `default` or says `required: false`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from pydantic import JsonValue

_WORDS_OF_A_SCHEMA = ("properties", "additionalProperties", "patternProperties", "anyOf", "oneOf", "allOf", "$ref")


def is_schema(written: Mapping[str, JsonValue]) -> bool:
    """Whether this is a JSON Schema, not a list of fields: its `type` is a word, or it has a keyword of an object's."""
    return isinstance(written.get("type"), str) or any(word in written for word in _WORDS_OF_A_SCHEMA)


def fields_schema(written: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """The JSON Schema of an object; one that is written as such as it stands."""
    if is_schema(written):
        return dict(written)
    properties: dict[str, JsonValue] = {}
    required: list[JsonValue] = []
    for name, field in written.items():
        schema = dict(field) if isinstance(field, dict) else field
        needed = True
        if isinstance(schema, dict):
            needed = "default" not in schema
            if isinstance(schema.get("required"), bool):  # a list belongs to the schema of an object
                needed = needed and schema.pop("required") is True
        properties[name] = schema
        if needed:
            required.append(name)
    return {"type": "object", "properties": properties, "required": required}


def with_defaults(schema: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """What is given, and the `default` of each field that is left out."""
    properties = cast("Mapping[str, Any]", schema.get("properties") or {})
    defaults = {
        name: cast("Mapping[str, Any]", field)["default"]
        for name, field in properties.items()
        if isinstance(field, Mapping) and "default" in field
    }
    return {**defaults, **given}


def filled_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of what `with_defaults` gives: fields with a default are there, and so is `projectId`."""
    properties: dict[str, Any] = {
        "projectId": {"type": "integer", "minimum": 1},
        **(schema.get("properties") or {}),
    }
    defaulted = [name for name, field in properties.items() if isinstance(field, Mapping) and "default" in field]
    required = [*cast("list[str]", schema.get("required") or []), *defaulted, "projectId"]
    return {**schema, "properties": properties, "required": sorted(set(required))}
