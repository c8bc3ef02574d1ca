"""What a value may be: alternatives, each a self-contained JSON Schema, and the way from one to its fields.

Soundness runs one way: a shape may admit more than the value can be, never less.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from compiler.catalogue import JsonSchema

NULL_SCHEMA: JsonSchema = {"type": "null"}
MAX_ALTERNATIVES = 64
_MAX_HOPS = 32
_KINDS = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})
_WORDS = {
    "null": "null",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "array": "a list",
    "object": "an object",
}


@dataclass(frozen=True)
class Shape:
    """A value is one of the alternatives."""

    alternatives: tuple[JsonSchema, ...]

    @property
    def known(self) -> bool:
        """Whether anything at all is said about the value."""
        return not any(_says_nothing(schema) for schema in self.alternatives)

    @property
    def nullable(self) -> bool:
        """Whether null is known to be possible."""
        return any("null" in kinds(schema) and not _says_nothing(schema) for schema in self.alternatives)

    @property
    def kinds(self) -> frozenset[str]:
        """JSON types the value may have."""
        return frozenset[str]().union(*(kinds(schema) for schema in self.alternatives))

    def or_null(self) -> Shape:
        """The shape with null as a further alternative."""
        return self if self.nullable else union((self, NULL))

    def without_null(self) -> Shape:
        """The shape of what is left when null is replaced."""
        kept = tuple(_without_null(schema) for schema in self.alternatives if not kinds(schema) <= {"null"})
        return Shape(kept) if kept else ANY

    def describe(self) -> str:
        """The kinds in words, for messages."""
        found = sorted(self.kinds - ({"integer"} if "number" in self.kinds else set()))
        return "anything" if len(found) >= 6 else " or ".join(_WORDS[kind] for kind in found)


def _says_nothing(schema: JsonSchema) -> bool:
    return not (schema.keys() - {"$defs", "title", "description", "default", "examples"})


ANY = Shape(({},))
NULL = Shape((NULL_SCHEMA,))
TEXT = Shape(({"type": "string"},))
INTEGER = Shape(({"type": "integer"},))
NUMBER = Shape(({"type": "number"},))
BOOLEAN = Shape(({"type": "boolean"},))


def constant(value: Any) -> Shape:
    """Exactly this value."""
    return NULL if value is None else Shape(({"const": value},))


def union(shapes: Iterable[Shape]) -> Shape:
    """One of the shapes."""
    found: list[JsonSchema] = []
    for shape in shapes:
        found.extend(schema for schema in shape.alternatives if schema not in found)
    return Shape(tuple(found)) if 0 < len(found) <= MAX_ALTERNATIVES else ANY


def list_of(shape: Shape) -> Shape:
    """A list whose items have that shape."""
    schema, definitions = merged(shape)
    return Shape(({"type": "array", "items": schema, **definitions},))


def merged(shape: Shape) -> tuple[JsonSchema, dict[str, Any]]:
    """The shape as one schema, and its `$defs` apart (to be put at the root of what it becomes part of)."""
    definitions: dict[str, Any] = {}
    parts: list[JsonSchema] = []
    for schema in shape.alternatives:
        own = cast("Mapping[str, Any]", schema.get("$defs", {}))
        if any(name in definitions and definitions[name] != own[name] for name in own):
            return {}, {}
        definitions.update(own)
        parts.append({key: value for key, value in schema.items() if key != "$defs"})
    whole: JsonSchema = parts[0] if len(parts) == 1 else {"anyOf": parts}
    return whole, {"$defs": definitions} if definitions else {}


def of_schema(schema: JsonSchema) -> Shape:
    """The shape a schema describes, its alternatives apart."""
    return Shape(tuple(_alternatives(schema, schema, 0)) or ({},))


def _alternatives(schema: Any, root: JsonSchema, hops: int) -> list[JsonSchema]:
    if not isinstance(schema, Mapping) or hops > _MAX_HOPS:
        return [{}]
    found = cast("JsonSchema", schema)
    if "$ref" in found:
        return _alternatives(_target(found["$ref"], root), root, hops + 1)
    for key in ("anyOf", "oneOf"):
        options = found.get(key)
        if isinstance(options, list) and not found.keys() & {
            "type",
            "properties",
            "enum",
            "const",
            "allOf",
            "items",
        }:
            each = cast("list[Any]", options)
            flat = [alternative for option in each for alternative in _alternatives(option, root, hops + 1)]
            return flat if len(flat) <= MAX_ALTERNATIVES else [{}]
    return [_rooted(found, root)]


def _rooted(schema: JsonSchema, root: JsonSchema) -> JsonSchema:
    """The subschema with the definitions its references need."""
    return {**schema, "$defs": root["$defs"]} if "$defs" in root and "$defs" not in schema else schema


def _target(reference: Any, root: JsonSchema) -> Any:
    """The subschema a local reference names; `{}` for any other reference, which is never fetched."""
    if not isinstance(reference, str) or not reference.startswith("#/"):
        return {}
    found: Any = root
    for step in reference[2:].split("/"):
        name = step.replace("~1", "/").replace("~0", "~")
        if not isinstance(found, Mapping) or name not in found:
            return {}
        found = cast("Mapping[str, Any]", found)[name]
    return found


def kinds(schema: JsonSchema) -> frozenset[str]:
    """JSON types that values of the schema may have; all where it does not say."""
    if "const" in schema:
        return frozenset({_kind(schema["const"])})
    if isinstance(schema.get("enum"), list):
        return frozenset(_kind(value) for value in schema["enum"])
    stated = schema.get("type")
    if isinstance(stated, str):
        return frozenset({stated}) & _KINDS or _KINDS
    if isinstance(stated, list):
        return frozenset(str(name) for name in cast("list[Any]", stated)) & _KINDS or _KINDS
    return _KINDS


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    for kind, types in (("boolean", bool), ("integer", int), ("number", float), ("string", str), ("array", list)):
        if isinstance(value, types):
            return kind
    return "object"


def _without_null(schema: JsonSchema) -> JsonSchema:
    stated = schema.get("type")
    if isinstance(stated, list) and "null" in stated:
        return {**schema, "type": [name for name in cast("list[Any]", stated) if name != "null"]}
    return schema


@dataclass(frozen=True)
class Lost:
    """A step that leads nowhere: the value has no such field."""

    known: tuple[str, ...]
    """The fields it has."""
    found: str
    """What the value is, in words."""


def step(shape: Shape, key: str | int) -> Shape | Lost:
    """The shape one step further in; null is among it where the field may be missing."""
    reached: list[Shape] = []
    known: set[str] = set()
    missing = False
    for schema in shape.alternatives:
        inner = _into(schema, key, known, 0)
        if inner is None:
            missing = True
        else:
            reached.append(inner)
    if not reached:
        return Lost(tuple(sorted(known)), shape.describe())
    whole = union(reached)
    return whole.or_null() if missing and whole.known else whole


def _into(schema: JsonSchema, key: str | int, known: set[str], hops: int) -> Shape | None:
    if _says_nothing(schema) or hops > _MAX_HOPS:
        return ANY
    if isinstance(key, int):
        return _item(schema, key)
    return _property(schema, key, known, hops)


def _item(schema: JsonSchema, index: int) -> Shape | None:
    if "array" not in kinds(schema):
        return None
    prefix = schema.get("prefixItems")
    if isinstance(prefix, list) and 0 <= index < len(cast("list[Any]", prefix)):
        return Shape(tuple(_alternatives(prefix[index], schema, 0))).or_null()
    items = schema.get("items")
    return Shape(tuple(_alternatives(items, schema, 0))).or_null() if isinstance(items, Mapping) else ANY


def _property(schema: JsonSchema, key: str, known: set[str], hops: int) -> Shape | None:
    if "object" not in kinds(schema):
        return None
    stated = schema.get("properties")
    properties = cast("Mapping[str, Any]", stated if isinstance(stated, Mapping) else {})
    known.update(properties)
    if key in properties:
        inner = Shape(tuple(_alternatives(properties[key], schema, 0)))
        certain = key in cast("list[Any]", schema.get("required") or []) and kinds(schema) <= {"object"}
        return inner if certain else inner.or_null() if inner.known else inner
    for member in cast("list[Any]", schema.get("allOf") or []):
        for alternative in _alternatives(member, schema, 0):
            inner = _into(alternative, key, known, hops + 1)
            if inner is not None and not _says_nothing(alternative):
                return inner.or_null() if inner.known else inner
    if any(word in schema for word in ("anyOf", "oneOf", "patternProperties", "if", "$ref")):
        return ANY
    further = schema.get("additionalProperties")
    if isinstance(further, Mapping):
        return Shape(tuple(_alternatives(further, schema, 0))).or_null()
    # Further fields may come, but where the fields are listed, a name that is not among them is a slip of the pen.
    return None if properties or further is False else ANY
