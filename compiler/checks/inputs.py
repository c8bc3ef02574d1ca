"""Inputs of nodes: none missing, none surplus, and each value fits the action's schema."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, cast

from pydantic import JsonValue

from compiler.catalogue import JsonSchema
from compiler.checks.fit import allowed, check_fit
from compiler.checks.nulls import why_null
from compiler.checks.reporter import Reporter, node_path
from compiler.diagnostics.diagnostic import did_you_mean, quoted
from compiler.expressions.template import Piece, Template, TemplateFault, is_template, read_template, templates
from compiler.inference.bindings import Bindings, ResolvedNode, ResolvedWorkflow
from compiler.inference.expression_types import object_of
from compiler.inference.shape import ANY, TEXT, Shape, constant, list_of, merged, union
from compiler.language.document import Path
from compiler.language.other_tools import comment_hint, foreign_template
from compiler.schemas.validation import validate


def check_inputs(workflow: ResolvedWorkflow, step: ResolvedNode, bindings: Bindings, reporter: Reporter) -> None:
    """CC303, CC304, CC305, CC5xx, CC601, CC602, CC904, CC905 and CC907 of one node."""
    schema: JsonSchema = step.action.input_schema if step.action else {}
    properties = cast("Mapping[str, Any]", schema.get("properties") or {})
    if step.action is not None:
        _check_names(step, schema, properties, reporter)
    for name, value in step.spec.inputs.items():
        consumer = rooted(properties.get(name), schema)
        path = node_path(step.position, "inputs", name)
        _check_foreign(value, path, reporter)
        _check_value(value, consumer, path, reporter, bindings)


def rooted(schema: Any, root: JsonSchema) -> JsonSchema | None:
    """The input's schema with the definitions it refers to; None where the action does not say."""
    if not isinstance(schema, Mapping):
        return None
    found = cast("JsonSchema", schema)
    return {**found, "$defs": root["$defs"]} if "$defs" in root else found


def _check_names(
    step: ResolvedNode, schema: JsonSchema, properties: Mapping[str, Any], reporter: Reporter
) -> None:
    action = f"{step.spec.agent}.{step.spec.action}"
    for name in cast("list[str]", schema.get("required") or []):
        if name not in step.spec.inputs:
            named = "action" if step.spec.workflow is None else "workflow"
            place = node_path(step.position, "inputs" if step.spec.inputs else named)
            report = reporter.at_key if step.spec.inputs else reporter.at
            report(place, "CC303", f"{action} needs the input {name!r}", f"add `{name}: …` to `inputs`")
    if schema.get("additionalProperties", True) is not False and not properties:
        return
    for name in step.spec.inputs:
        if name not in properties:
            unused = [known for known in properties if known not in step.spec.inputs]
            hint = did_you_mean(name, unused) or did_you_mean(name, properties)
            place = node_path(step.position, "inputs", name)
            reporter.at_key(place, "CC304", f"{action} has no input {quoted(name)}", hint)


def _check_value(
    value: JsonValue, consumer: JsonSchema | None, path: Path, reporter: Reporter, bindings: Bindings
) -> None:
    if not any(True for _ in templates(value)):
        if consumer is not None:
            for reason in validate(value, consumer)[:5]:
                message = f"the input {str(path[-1])!r} does not fit: {reason.removeprefix('$: ')}"
                reporter.at(path, "CC305", message, comment_hint(reporter.document, path) or allowed(consumer))
        return
    shape = shape_of(value, path, reporter, bindings)
    if consumer is None or shape is None:
        return
    text = value if isinstance(value, str) else ""
    check_fit(shape, consumer, (path, text), reporter, bindings=bindings)


def shape_of(value: JsonValue, path: Path, reporter: Reporter, bindings: Bindings) -> Shape | None:
    """What an input may be when its templates are resolved; None where one of them cannot be read."""
    if isinstance(value, str):
        return _text_shape(value, path, reporter, bindings) if is_template(value) else constant(value)
    if isinstance(value, list):
        items = [shape_of(item, (*path, index), reporter, bindings) for index, item in enumerate(value)]
        known = [item for item in items if item is not None]
        return list_of(union(known)) if len(known) == len(items) else None
    if isinstance(value, dict):
        return _object_shape(value, path, reporter, bindings)
    return constant(value)


def _object_shape(
    value: Mapping[str, JsonValue], path: Path, reporter: Reporter, bindings: Bindings
) -> Shape | None:
    properties: dict[str, Any] = {}
    definitions: dict[str, Any] = {}
    readable = True
    for key, item in value.items():
        shape = shape_of(item, (*path, key), reporter, bindings)
        readable = readable and shape is not None
        properties[key], more = merged(shape or ANY)
        definitions.update(more.get("$defs", {}))
    return object_of(properties, definitions) if readable else None


def _text_shape(text: str, path: Path, reporter: Reporter, bindings: Bindings) -> Shape | None:
    template = parsed(text, path, reporter)
    if template is None:
        return None
    _check_dollars(template, path, reporter)
    shapes = [reporter.shape(piece, path, bindings) for piece in template.pieces]
    if template.whole is not None or None in shapes:
        return shapes[0] if len(shapes) == 1 else None
    for piece, shape in zip(template.pieces, shapes, strict=True):
        if shape is not None and shape.nullable:
            hint = f'give a fallback: {{{{ {piece.text} | default("…") }}}}'
            message = f"{piece.text!r} may be null and is then left out{why_null(piece.expression, bindings)}"
            reporter.at_part(path, piece.text, "CC904", message, hint=hint)
    return TEXT


def _check_foreign(value: JsonValue, path: Path, reporter: Reporter) -> None:
    """`$(params.x)` and the like would reach the agent as they stand."""
    if isinstance(value, str) and (found := foreign_template(value)) is not None:
        part, hint = found
        reporter.at_part(
            path, part, "CC907", f"{quoted(part)} is a template of another tool, and text here", hint=hint
        )
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _check_foreign(item, (*path, index), reporter)
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_foreign(item, (*path, key), reporter)


def _check_dollars(template: Template, path: Path, reporter: Reporter) -> None:
    """`${{ … }}` is another product's spelling; here the dollar is text."""
    for before, piece in pairwise(template.parts):
        if isinstance(before, str) and before.endswith("$") and isinstance(piece, Piece):
            message = "the `$` before the template is text and will be kept"
            reporter.at_part(
                path, "${{", "CC907", message, hint="write `{{ … }}` without it, or a space between them"
            )


def parsed(text: str, path: Path, reporter: Reporter) -> Template | None:
    """The template in parts, or None with CC501."""
    try:
        return read_template(text)
    except TemplateFault as exc:
        reporter.at_part(path, exc.part, "CC501", str(exc), hint=exc.hint)
        return None
