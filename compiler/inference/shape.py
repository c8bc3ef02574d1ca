"""The types of a value: alternatives, each a self-contained JSON Schema, and access to their fields.

Soundness runs one way: a shape may admit more than the value can be, never less.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from compiler.catalogue import JsonSchema
from compiler.inference.paths import MissingPath, subschema_at

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
        """The kinds as text, for messages."""
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


def item_kinds(schema: JsonSchema) -> frozenset[str]:
    """JSON types that the items of a list may have; none for an empty one."""
    if "const" in schema or "enum" in schema:
        lists = [schema["const"]] if "const" in schema else schema["enum"]
        return frozenset(
            _kind(item) for each in lists if isinstance(each, list) for item in cast("list[Any]", each)
        )
    if "array" not in kinds(schema):
        return frozenset()
    items = schema.get("items")
    return Shape(tuple(_alternatives(items, schema, 0))).kinds if isinstance(items, Mapping) else _KINDS


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
    """A path that does not exist."""

    at: int
    """Which of its steps."""
    known: tuple[str, ...]
    """The fields there are at that place."""
    found: str
    """The kind of the value there, as text."""


def descend(shape: Shape, steps: Sequence[str | int]) -> Shape | Lost:
    """The shape at the end of the path; null is among it where something on the way may be missing."""
    if not steps:
        return shape
    reached: list[Shape] = []
    lost: list[MissingPath] = []
    for schema in shape.alternatives:
        found = subschema_at(schema, steps)
        if isinstance(found, MissingPath):
            lost.append(found)
        else:
            inner = of_schema(found.schema)
            reached.append(inner.or_null() if found.optional and inner.known else inner)
    if not reached:
        return _lost(shape, lost, steps)
    whole = union(reached)
    return whole.or_null() if lost and whole.known else whole


def _lost(shape: Shape, lost: Sequence[MissingPath], steps: Sequence[str | int]) -> Lost:
    furthest = max(lost, key=lambda missing: (len(missing.path), len(missing.known)))
    at = max(0, len(furthest.path) - 1)
    before = descend(shape, steps[:at])
    return Lost(at, furthest.known, "unknown" if isinstance(before, Lost) else before.describe())


def step(shape: Shape, key: str | int) -> Shape | Lost:
    """The shape one step further in."""
    return descend(shape, (key,))
