"""A schema and a path into its instances -> the schema of what is there, and whether it is there for certain.

`nodes.scan.output.summary.critical` asks the output schema of `scan` for `["summary", "critical"]`. What is found
is sound: in every instance the schema accepts, the value at the path, if there is one, is accepted by the schema
that was found; and if it is not optional, there is one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast

from compiler.schemas.assertions import type_phrase
from compiler.schemas.document import SchemaDocument, document
from compiler.schemas.equality import is_type
from compiler.schemas.excerpt import PathStep, json_path, shown
from compiler.schemas.extract import extract
from compiler.schemas.pattern import compiled
from compiler.schemas.plain import NotPlain

MAX_KNOWN = 200
"""Property names that a Missing lists."""


@dataclass(frozen=True, kw_only=True)
class FoundPath:
    """The schema declares something at the path."""

    schema: dict[str, Any]
    """What is there; stands alone, with its own definitions."""
    optional: bool
    """Whether an instance may have nothing there."""
    why: str = ""
    """Where optional: a sentence that says why."""


@dataclass(frozen=True, kw_only=True)
class MissingPath:
    """The schema declares nothing at the path."""

    path: tuple[PathStep, ...]
    """The part of the path up to and including the step that leads nowhere."""
    reason: str
    """A sentence."""
    known: tuple[str, ...] = ()
    """The property names that do exist where the step was tried."""


_Kind = Literal["found", "open", "undeclared", "absent"]


@dataclass(frozen=True, kw_only=True)
class _Look:
    """What one schema says of one step."""

    kind: _Kind
    schemas: tuple[Any, ...] = ()
    """All of them hold for the value."""
    required: bool = False
    container: bool = False
    """Whether the instance is certainly something that has such steps."""
    known: tuple[str, ...] = ()
    reason: str = ""


_ANYTHING = _Look(kind="open")


def subschema_at(schema: object, path: Sequence[PathStep]) -> FoundPath | MissingPath:
    """What `schema` says of the value at `path`: names step into objects, whole numbers into arrays."""
    try:
        doc = document(schema)
    except NotPlain as exc:
        return MissingPath(path=(), reason=f"the schema cannot be used: {exc}")
    if doc.problems:
        return MissingPath(path=(), reason=f"the schema cannot be used: {doc.problems[0]}")
    current, why = doc.root, ""
    for index, step in enumerate(path):
        look = _Lookup(doc, step).look(current)
        at = json_path(path[:index])
        if look.kind in ("absent", "undeclared"):
            reason = look.reason or f"has no {_called(step)}"
            return MissingPath(
                path=tuple(path[: index + 1]), reason=f"{at} {reason}", known=look.known[:MAX_KNOWN]
            )
        if not why and not (look.required and look.container):
            why = (
                f"{at} may have no {_called(step)}"
                if look.container
                else f"{at} may be something else than {_home(step)}"
            )
        current = _conjunction(look.schemas)
    return FoundPath(schema=extract(doc, current), optional=bool(why), why=why)


@dataclass
class _Lookup:
    """One step, tried on every schema that applies in one place."""

    doc: SchemaDocument
    step: PathStep
    seen: dict[int, _Look] = field(default_factory=dict[int, _Look])

    def look(self, schema: Any) -> _Look:
        if isinstance(schema, bool):
            return _ANYTHING if schema else _Look(kind="absent", required=True, container=True)
        if id(schema) not in self.seen:
            self.seen[id(schema)] = _both(self._parts(cast("dict[str, Any]", schema)))
        return self.seen[id(schema)]

    def _parts(self, schema: dict[str, Any]) -> Iterable[_Look]:
        yield self._own_values(schema)
        yield self._own_items(schema) if isinstance(self.step, int) else self._own_properties(schema, self.step)
        if "$ref" in schema:
            yield self.look(self.doc.resolve(schema["$ref"]))
        yield from map(self.look, schema.get("allOf", ()))
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                yield _either([self.look(each) for each in schema[keyword] if each is not False])
        if "if" in schema and ("then" in schema or "else" in schema):
            yield _either([self.look(schema.get(keyword, True)) for keyword in ("then", "else")])

    def _own_values(self, schema: dict[str, Any]) -> _Look:
        """`const` and `enum`."""
        if "const" not in schema and "enum" not in schema:
            return _ANYTHING
        values: list[Any] = [schema["const"]] if "const" in schema else schema["enum"]
        inner = [value[self.step] for value in values if _has(value, self.step)]
        if not inner:
            names = [name for value in values if isinstance(value, dict) for name in cast("dict[str, Any]", value)]
            return _Look(kind="absent", known=tuple(dict.fromkeys(names)))
        certain = len(inner) == len(values)
        return _Look(kind="found", schemas=({"enum": inner},), required=certain, container=certain)

    def _own_properties(self, schema: dict[str, Any], name: str) -> _Look:
        container, refused = _container(schema, "object", name)
        if refused:
            return refused
        declared: dict[str, Any] = schema.get("properties", {})
        patterns: dict[str, Any] = schema.get("patternProperties", {})
        applying = [declared[name]] if name in declared else []
        applying += [each for pattern, each in patterns.items() if compiled(pattern).search(name)]
        if not applying and "additionalProperties" in schema:
            applying = [schema["additionalProperties"]]
        look = _Look(
            kind="found" if applying else "undeclared" if declared or patterns else "open",
            schemas=tuple(applying),
            required=name in schema.get("required", ()),
            container=container,
            known=tuple(declared),
        )
        return replace(look, kind="absent") if False in applying else look

    def _own_items(self, schema: dict[str, Any]) -> _Look:
        index = cast("int", self.step)
        container, refused = _container(schema, "array", index)
        if refused:
            return refused
        prefix: list[Any] = schema.get("prefixItems", [])
        item = prefix[index] if index < len(prefix) else schema.get("items")
        if item is False or schema.get("maxItems", index + 1) <= index:
            return _Look(kind="absent", reason=f"has no item {index}")
        required = schema.get("minItems", 0) > index
        kind = "open" if item is None else "found"
        return _Look(kind=kind, schemas=() if item is None else (item,), required=required, container=container)


def _container(schema: dict[str, Any], wanted: str, step: PathStep) -> tuple[bool, _Look | None]:
    """Whether the instance is certainly an object (array); the refusal, if it certainly is not."""
    if "type" not in schema:
        return False, None
    types = cast("list[str]", [schema["type"]] if isinstance(schema["type"], str) else schema["type"])
    if wanted in types:
        return types == [wanted], None
    reason = f"is {type_phrase(types)}, which has no {_called(step)}"
    if types == ["array"]:
        reason = "is an array; its items are reached by number, as in [0]"
    return False, _Look(kind="absent", reason=reason)


def _has(value: Any, step: PathStep) -> bool:
    if isinstance(step, int):
        return is_type(value, "array") and 0 <= step < len(value)
    return isinstance(value, Mapping) and step in value


def _both(looks: Iterable[_Look]) -> _Look:
    """All of the schemas apply."""
    every = list(looks)
    absent = next((look for look in every if look.kind == "absent"), None)
    known = _names(every)
    if absent:
        return replace(absent, known=known)
    kinds = {look.kind for look in every}
    return _Look(
        kind="found" if "found" in kinds else "undeclared" if "undeclared" in kinds else "open",
        schemas=tuple(schema for look in every for schema in look.schemas),
        required=any(look.required for look in every),
        container=any(look.container for look in every),
        known=known,
    )


def _either(looks: list[_Look]) -> _Look:
    """At least one of the schemas applies."""
    there = [look for look in looks if look.kind != "absent"]
    if not there:
        return _Look(kind="absent", known=_names(looks), reason=looks[0].reason if len(looks) == 1 else "")
    found = [look for look in there if look.kind == "found"]
    alternatives = [_conjunction(look.schemas) for look in there]
    return _Look(
        kind="found" if found else there[0].kind,
        schemas=(alternatives[0] if len(alternatives) == 1 else {"anyOf": alternatives},) if found else (),
        required=len(there) == len(looks) and all(look.required for look in looks),
        container=len(there) == len(looks) and all(look.container for look in looks),
        known=_names(looks),
    )


def _conjunction(schemas: Sequence[Any]) -> Any:
    if not schemas:
        return True
    return schemas[0] if len(schemas) == 1 else {"allOf": list(schemas)}


def _names(looks: Iterable[_Look]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for look in looks for name in look.known))


def _called(step: PathStep) -> str:
    return f"item {step}" if isinstance(step, int) else f"property {shown(step, 60)}"


def _home(step: PathStep) -> str:
    return "an array" if isinstance(step, int) else "an object"
