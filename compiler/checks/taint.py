"""Taint: text that outsiders write must not reach a place that interprets it.

Sources are the context and the outputs of agents; sinks are input fields with `x-interprets`. A value is clean
where it cannot hold free text (numbers, booleans, one of a fixed list), where a node of type RULE made it, or
where a person sees it first: the consuming node has a gate that no trigger passes unasked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from pydantic import JsonValue

from compiler.catalogue import JsonSchema
from compiler.checks.reporter import Reporter, node_path
from compiler.checks.risk import gate_of
from compiler.expressions.template import is_template, read_template
from compiler.expressions.tree import (
    Arithmetic,
    Choice,
    Expression,
    ExpressionError,
    Filtered,
    Index,
    ListOf,
    Logic,
    ObjectOf,
    Reference,
)
from compiler.inference.bindings import Bindings, ResolvedNode, ResolvedWorkflow
from compiler.inference.expression_types import Inference
from compiler.inference.shape import Shape, of_schema
from compiler.language.document import Path

_TEXTLESS_FILTERS = frozenset({"length", "int", "round", "sum"})
_MAX_DEPTH = 12
_PLACES = {
    "shell": "a shell line",
    "host": "the host of an address",
    "template": "a template",
    "instructions": "a model's instructions",
}


@dataclass(frozen=True)
class _Sink:
    path: Path
    text: str
    interpreter: str


def check_taint(workflow: ResolvedWorkflow, step: ResolvedNode, bindings: Bindings, reporter: Reporter) -> None:
    """CC803 of one node."""
    gate = gate_of(workflow, step)
    if step.action is None or (gate is not None and not gate.trusted_triggers):
        return
    schema = step.action.input_schema
    if "x-interprets" not in str(schema):
        return
    for sink in _sinks(step.spec.inputs, schema, schema, node_path(step.position, "inputs")):
        for source in _sources(sink.text, workflow, step, bindings):
            name = sink.path[3]
            message = f"text from {str(source)!r} reaches {_PLACES[sink.interpreter]}, the input {name!r}"
            hint = "let a RULE agent or an approval stand between: add `approvalRequired: true`"
            reporter.at_part(sink.path, str(source), "CC803", message, hint=hint)


def _sinks(value: JsonValue, schema: Any, root: JsonSchema, path: Path) -> Iterator[_Sink]:
    """Templates of the input that a field with `x-interprets` gets."""
    if isinstance(value, str):
        if is_template(value):
            for interpreter in sorted(set(_interpreters(schema, root, 0))):
                yield _Sink(path, value, interpreter)
        return
    for alternative in _alternatives(schema, root):
        if isinstance(value, dict):
            properties = cast("Mapping[str, Any]", alternative.get("properties") or {})
            for key, item in value.items():
                inner = properties.get(key, alternative.get("additionalProperties"))
                yield from _sinks(item, inner, root, (*path, key))
        elif isinstance(value, list):
            for index, item in enumerate(value):
                yield from _sinks(item, alternative.get("items"), root, (*path, index))


def _alternatives(schema: Any, root: JsonSchema) -> tuple[JsonSchema, ...]:
    if not isinstance(schema, Mapping):
        return ()
    found = cast("JsonSchema", schema)
    rooted: JsonSchema = {**found, "$defs": root["$defs"]} if "$defs" in root else found
    return of_schema(rooted).alternatives


def _interpreters(schema: Any, root: JsonSchema, depth: int) -> Iterator[str]:
    """All `x-interprets` at and below the schema: a template may fill the whole of it."""
    if not isinstance(schema, Mapping) or depth > _MAX_DEPTH:
        return
    stated = cast("JsonSchema", schema).get("x-interprets")
    if stated in _PLACES:
        yield cast("str", stated)
    for alternative in _alternatives(cast("JsonSchema", schema), root):
        if alternative.get("x-interprets") in _PLACES:
            yield cast("str", alternative["x-interprets"])
        fields = cast("Mapping[str, Any]", alternative.get("properties") or {})
        for each in (*fields.values(), alternative.get("items")):
            yield from _interpreters(each, root, depth + 1)


def _sources(text: str, workflow: ResolvedWorkflow, step: ResolvedNode, bindings: Bindings) -> list[Reference]:
    """Untrusted references whose text the template passes on."""
    try:
        pieces = read_template(text).pieces
    except ExpressionError:
        return []
    silent = Inference(bindings, _say_nothing)
    return [
        reference
        for piece in pieces
        for reference in _flows(piece.expression, lambda part: not may_hold_text(silent.shape(part)))
        if _untrusted(reference, workflow, step)
    ]


def _say_nothing(code: str, message: str, hint: str, part: str) -> None:
    """What is wrong with the template was reported when the inputs were checked."""


def _flows(expression: Expression, clean: Callable[[Expression], bool]) -> Iterator[Reference]:
    """References whose value, or part of it, may be part of the expression's value; not below what is clean."""
    if clean(expression):
        return
    match expression:
        case Reference():
            yield expression
        case Index():
            yield from _flows(expression.base, clean)
        case Filtered():
            if expression.name not in _TEXTLESS_FILTERS:
                for part in (expression.value, *expression.arguments):
                    yield from _flows(part, clean)
        case Logic() | Arithmetic():
            yield from _flows(expression.left, clean)
            yield from _flows(expression.right, clean)
        case Choice():
            yield from _flows(expression.then, clean)
            yield from _flows(expression.otherwise, clean)
        case ListOf():
            for item in expression.items:
                yield from _flows(item, clean)
        case ObjectOf():
            for _, item in expression.entries:
                yield from _flows(item, clean)
        case _:
            return


def _untrusted(reference: Reference, workflow: ResolvedWorkflow, step: ResolvedNode) -> bool:
    if reference.root == "context":
        return True
    if reference.root == "item":
        return step.spec.foreach is not None and _untrusted_items(step.spec.foreach, workflow, step)
    if reference.root == "nodes" and reference.steps:
        position = workflow.by_id.get(str(reference.steps[0]))
        if position is None:
            return False
        producer = workflow.steps[position]
        if producer.spec.workflow is not None:
            return True  # whatever its agents wrote
        return producer.agent is not None and producer.agent.type != "RULE"
    return False


def _untrusted_items(value: JsonValue, workflow: ResolvedWorkflow, step: ResolvedNode) -> bool:
    if isinstance(value, list):
        return any(_untrusted_items(item, workflow, step) for item in value)
    if not isinstance(value, str) or not is_template(value):
        return False
    try:
        pieces = read_template(value).pieces
    except ExpressionError:
        return False
    flows = (reference for piece in pieces for reference in _flows(piece.expression, lambda _: False))
    return any(_untrusted(reference, workflow, step) for reference in flows)


def may_hold_text(shape: Shape) -> bool:
    """Whether free text can be anywhere in such a value."""
    return any(_holds_text(schema, schema, 0) for schema in shape.alternatives)


def _holds_text(schema: Any, root: JsonSchema, depth: int) -> bool:
    if not isinstance(schema, Mapping) or depth > _MAX_DEPTH:
        return True
    found = cast("JsonSchema", schema)
    if "const" in found or "enum" in found:
        return False
    for alternative in _alternatives(found, root):
        if "const" not in alternative and "enum" not in alternative and _free(alternative, root, depth):
            return True
    return False


def _free(schema: JsonSchema, root: JsonSchema, depth: int) -> bool:
    kinds = Shape((schema,)).kinds
    if "string" in kinds:
        return True
    if "array" in kinds and _holds_text(schema.get("items", {}), root, depth + 1):
        return True
    if "object" not in kinds:
        return False
    properties = cast("Mapping[str, Any]", schema.get("properties") or {})
    closed = schema.get("additionalProperties") is False or bool(properties)
    return not closed or any(_holds_text(inner, root, depth + 1) for inner in properties.values())
