"""The keywords a schema may use here: what value each takes, and where subschemas are inside it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Literal, cast

from compiler.schemas.assertions import TYPE_NAMES
from compiler.schemas.excerpt import listed
from compiler.schemas.pattern import PatternRefused, compiled

Check = Callable[[Any], str | None]
"""What is wrong with a keyword's value, as the end of a sentence; None: nothing."""
Holds = Literal["schema", "schemas", "named schemas"]

DIALECTS = ("https://json-schema.org/draft/2020-12/schema", "https://json-schema.org/draft/2020-12/schema#")


def _number(value: Any) -> str | None:
    return None if _is_number(value) else "must be a number"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _positive(value: Any) -> str | None:
    return None if _is_number(value) and value > 0 else "must be a number above 0"


def _count(value: Any) -> str | None:
    return (
        None if _is_number(value) and value >= 0 and int(value) == value else "must be a whole number, 0 or more"
    )


def _flag(value: Any) -> str | None:
    return None if isinstance(value, bool) else "must be true or false"


def _text(value: Any) -> str | None:
    return None if isinstance(value, str) else "must be a text"


def _list(value: Any) -> str | None:
    return None if isinstance(value, list) else "must be a list"


def _anything(_value: Any) -> str | None:
    return None


def _names(value: Any) -> str | None:
    if not isinstance(value, list):
        return "must be a list of names"
    names = cast("list[Any]", value)
    if not all(isinstance(name, str) for name in names):
        return "must be a list of names"
    return None if len(set(names)) == len(names) else "names something twice"


def _names_by_name(value: Any) -> str | None:
    if not isinstance(value, dict):
        return "must map names to lists of names"
    bad = [reason for names in cast("dict[str, Any]", value).values() if (reason := _names(names))]
    return bad[0] if bad else None


def _type(value: Any) -> str | None:
    names = cast("list[Any]", value) if isinstance(value, list) else [value]
    if not names or not all(isinstance(name, str) and name in TYPE_NAMES for name in names):
        return f"must be {listed(sorted(TYPE_NAMES))}, or a list of these"
    return None if len(set(names)) == len(names) else "names a type twice"


def _pattern(value: Any) -> str | None:
    if not isinstance(value, str):
        return "must be a text"
    try:
        compiled(value)
    except PatternRefused as exc:
        return f"cannot be used: {exc}"
    return None


def _reference(value: Any) -> str | None:
    if not isinstance(value, str):
        return "must be a text"
    if value == "#" or value.startswith("#/"):
        return None
    return "is not local; references are never fetched, put the schema under $defs and write #/$defs/<name>"


VALUES: Mapping[str, Check] = {
    "$comment": _text,
    "$ref": _reference,
    "const": _anything,
    "contentEncoding": _text,
    "contentMediaType": _text,
    "default": _anything,
    "dependentRequired": _names_by_name,
    "deprecated": _flag,
    "description": _text,
    "discriminator": _anything,
    "enum": _list,
    "examples": _list,
    "exclusiveMaximum": _number,
    "exclusiveMinimum": _number,
    "format": _text,
    "maxContains": _count,
    "maxItems": _count,
    "maxLength": _count,
    "maxProperties": _count,
    "maximum": _number,
    "minContains": _count,
    "minItems": _count,
    "minLength": _count,
    "minProperties": _count,
    "minimum": _number,
    "multipleOf": _positive,
    "pattern": _pattern,
    "readOnly": _flag,
    "required": _names,
    "title": _text,
    "type": _type,
    "uniqueItems": _flag,
    "writeOnly": _flag,
}
"""Keywords without subschemas. `discriminator` is the annotation Pydantic puts beside its `oneOf`."""

SUBSCHEMAS: Mapping[str, Holds] = {
    "$defs": "named schemas",
    "additionalProperties": "schema",
    "allOf": "schemas",
    "anyOf": "schemas",
    "contains": "schema",
    "definitions": "named schemas",
    "dependentSchemas": "named schemas",
    "else": "schema",
    "if": "schema",
    "items": "schema",
    "not": "schema",
    "oneOf": "schemas",
    "patternProperties": "named schemas",
    "prefixItems": "schemas",
    "properties": "named schemas",
    "propertyNames": "schema",
    "then": "schema",
}
IN_PLACE = frozenset({"allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas"})
"""Keywords whose subschemas apply to the very value the schema applies to."""

UNSUPPORTED: Mapping[str, str] = {
    "$anchor": "use a #/$defs/<name> reference",
    "$dynamicAnchor": "use a #/$defs/<name> reference",
    "$dynamicRef": "use a #/$defs/<name> reference",
    "$vocabulary": "leave it out",
    "contentSchema": "describe the decoded value in an action of its own",
    "dependencies": "use dependentRequired or dependentSchemas",
    "nullable": "use anyOf with {type: null}",
    "unevaluatedItems": "use items: false after prefixItems",
    "unevaluatedProperties": "use additionalProperties: false",
}
"""Keywords that exist and are not understood here, with what to write instead."""
