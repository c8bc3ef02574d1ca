"""Triggers and the declared context: what is wrong with them, and the shape of the context they give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from pydantic import JsonValue

from compiler.catalogue import JsonSchema
from compiler.checks.conditions import check_condition
from compiler.checks.filter_rules import check_filter
from compiler.checks.reporter import Reporter
from compiler.diagnostics.diagnostic import quoted
from compiler.inference.bindings import Bindings, ResolvedWorkflow
from compiler.inference.shape import ANY, Shape, of_schema, union
from compiler.language.context_fields import is_schema
from compiler.language.document import Path, Scalar
from compiler.language.spec import ManualSpec, WorkflowSpec
from compiler.schemas.validation import check_schema, validate
from compiler.trigger_types.registry import context_of, type_of

_FIELD_HINT = "write for example `environment: {type: string, default: staging}`"


def context_shape(spec: WorkflowSpec) -> Shape:
    """What templates see as `context`, whichever trigger started the run."""
    if not spec.trigger:
        return ANY if spec.context_schema is None else of_schema(spec.context_schema)
    schemas = [context_of(spec, index) for index in range(len(spec.trigger))]
    return union([of_schema(schema) if schema is not None else ANY for schema in schemas])


def trigger_path(document_has_list: bool, index: int, *steps: str | int) -> Path:
    """The way to a value of a trigger, which may be written without the list."""
    return ("trigger", index, *steps) if document_has_list else ("trigger", *steps)


def check_triggers(workflow: ResolvedWorkflow, reporter: Reporter) -> None:
    """CC701 to CC711, and the triggers' expressions."""
    listed = reporter.document.value(("trigger", 0)) is not reporter.document.value(("trigger",))
    found = _Findings(workflow, reporter)
    for index, trigger in enumerate(workflow.spec.trigger):
        path = trigger_path(listed, index)
        type_of(trigger).check(trigger, path, workflow.spec.context_schema, found)


@dataclass(frozen=True)
class _Findings:
    """What a trigger type reports to."""

    workflow: ResolvedWorkflow
    reporter: Reporter

    def at(self, path: Path, code: str, message: str, hint: str = "") -> None:
        if isinstance(self.reporter.document.value(path), Scalar):
            # Else the value is missing or a list, as the reader has said, and an empty text stands for it here.
            self.reporter.at(path, code, message, hint)

    def filter(self, name: str, wanted: JsonValue, path: Path, event: JsonSchema | None) -> None:
        check_filter(name, wanted, _shape(event), (path, self.reporter))

    def condition(self, text: str, path: Path, event: JsonSchema | None) -> None:
        found = self.workflow
        alone = ResolvedWorkflow(
            found.spec, found.steps, found.by_id, found.topology, found.handlers, _shape(event)
        )
        check_condition(text, path, Bindings(alone), self.reporter)

    def schema(self, schema: JsonSchema, path: Path) -> None:
        check_schema_at(schema, path, self.reporter)


def _shape(schema: JsonSchema | None) -> Shape:
    return ANY if schema is None else of_schema(schema)


def check_context(spec: WorkflowSpec, reporter: Reporter) -> bool:
    """Whether what the workflow declares as its context, and its triggers do, can be used; else CC307."""
    own = [each.manual for each in spec.trigger if isinstance(each, ManualSpec) and each.manual is not None]
    usable = all(_is_usable(each) for each in own)  # reported where the trigger is checked
    if spec.context is None:
        return usable
    schema = spec.context_schema or {}
    if is_schema(spec.context) and spec.context.get("type") != "object":
        hint = "write `type: object` and the fields under `properties`, or the fields alone"
        reporter.at_key(("context",), "CC307", "`context` must be a JSON Schema of an object", hint)
        return False
    return check_schema_at(schema, ("context",), reporter) and usable


def _is_usable(fields: Mapping[str, JsonValue]) -> bool:
    return all(isinstance(each, dict) for each in fields.values())


def check_schema_at(schema: JsonSchema, path: Path, reporter: Reporter) -> bool:
    """Whether the schema of a context can be used: one that can be checked, with defaults that fit; else CC307."""
    word = f"`{path[-1]}`"
    properties = cast("Mapping[str, Any]", schema.get("properties") or {})
    wrong = [name for name, field in properties.items() if not isinstance(field, Mapping)]
    for name in wrong:
        message = f"the field {quoted(name)} of {word} must be a mapping that says its type"
        reporter.at_key((*path, name), "CC307", message, _FIELD_HINT)
    problems = [] if wrong else check_schema(schema)[:5]
    for problem in problems:
        reporter.at_key(path, "CC307", f"{word} is no schema that can be used: {problem}")
    if wrong or problems:
        return False
    for name, field in properties.items():
        if "default" in field and (misfits := validate(field["default"], field)):
            message = f"the default of the field {quoted(name)} does not fit: {misfits[0].removeprefix('$: ')}"
            place = (
                (*path, "properties", name, "default") if _is_nested(reporter, path) else (*path, name, "default")
            )
            reporter.at(place, "CC307", message, "give a value of its type, or leave the default out")
            problems.append(message)
    return not problems


def _is_nested(reporter: Reporter, path: Path) -> bool:
    """Whether the fields stand under `properties`."""
    return reporter.document.value((*path, "properties")) is not reporter.document.value(path)
