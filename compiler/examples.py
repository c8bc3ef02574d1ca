"""JSON Schema -> one small value that fits it: what a mocked agent answers when the author gives no answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from pydantic import JsonValue

from compiler.catalogue import JsonSchema
from compiler.shape import kinds, of_schema

_MAX_DEPTH = 8
_FORMATS = {
    "date-time": "2026-01-01T09:00:00Z",
    "date": "2026-01-01",
    "time": "09:00:00Z",
    "email": "someone@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def example(schema: JsonSchema) -> JsonValue:
    """A value that shows the schema's structure: required and optional fields, lists with one item. It is not
    guaranteed to fit (a `pattern` is not solved); check it before use."""
    return _value(schema, schema, "", 0)


def _value(schema: Any, root: JsonSchema, name: str, depth: int) -> JsonValue:
    if not isinstance(schema, Mapping) or depth > _MAX_DEPTH:
        return None
    stated = cast("JsonSchema", schema)
    for key in ("default", "const"):
        if stated.get(key) is not None:
            return stated[key]
    found = _first_alternative(stated, root)
    if "const" in found:
        return found["const"]
    if found.get("examples"):
        return found["examples"][0]
    if found.get("enum"):
        return found["enum"][0]
    return _of_kind(found, root, name, depth)


def _first_alternative(schema: JsonSchema, root: JsonSchema) -> JsonSchema:
    """The first alternative that is not null."""
    rooted: JsonSchema = {**schema, "$defs": root["$defs"]} if "$defs" in root else schema
    alternatives = of_schema(rooted).alternatives
    return next((each for each in alternatives if not kinds(each) <= {"null"}), alternatives[0])


def _of_kind(schema: JsonSchema, root: JsonSchema, name: str, depth: int) -> JsonValue:
    possible = kinds(schema)
    if "object" in possible and ("properties" in schema or not possible & {"string", "integer", "number"}):
        properties = cast("Mapping[str, Any]", schema.get("properties") or {})
        required = cast("list[str]", schema.get("required") or [])
        wanted = [key for key in properties if key in required or depth < _MAX_DEPTH // 2]
        return {key: _value(properties[key], root, key, depth + 1) for key in wanted}
    if "string" in possible:
        return _text(schema, name)
    if possible & {"integer", "number"}:
        return _number(schema)
    if "array" in possible:
        count = max(1, int(schema.get("minItems", 1)))
        return [_value(schema.get("items", {}), root, name, depth + 1) for _ in range(min(count, 100))]
    return True if "boolean" in possible else None


def _text(schema: JsonSchema, name: str) -> str:
    text = _FORMATS.get(str(schema.get("format")), name or "text")
    text = text.ljust(min(int(schema.get("minLength", 0)), 10_000), "x")
    return text[: int(schema["maxLength"])] if "maxLength" in schema else text


def _number(schema: JsonSchema) -> int | float:
    lowest = schema.get("minimum", schema.get("exclusiveMinimum"))
    highest = schema.get("maximum", schema.get("exclusiveMaximum"))
    value: int | float = 1
    if lowest is not None and value <= lowest:
        value = lowest + (1 if "exclusiveMinimum" in schema else 0)
    if highest is not None and value > highest:
        value = highest - (1 if "exclusiveMaximum" in schema else 0)
    step = schema.get("multipleOf")
    return value if not step or value % step == 0 else step * (value // step + 1)
