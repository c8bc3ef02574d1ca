"""Triggers: subjects, filters, schedules; and the shape of the context they give."""

from __future__ import annotations

from compiler.checks.conditions import check_condition
from compiler.checks.filter_rules import check_filter
from compiler.checks.nulls import context_of
from compiler.checks.reporter import Reporter
from compiler.diagnostics.diagnostic import did_you_mean, quoted
from compiler.inference.bindings import Bindings, ResolvedWorkflow
from compiler.inference.shape import ANY, Shape, of_schema, union
from compiler.language.document import Path
from compiler.language.spec import EventSpec, ScheduleSpec, WorkflowSpec
from compiler.schemas.validation import check_schema
from compiler.trigger_types.daylight_saving import daylight_saving_warnings
from compiler.trigger_types.schedule import cron_fault, cron_surprises, timezone_fault
from compiler.trigger_types.subjects import KNOWN_CONTEXTS, subject_fault


def context_shape(spec: WorkflowSpec) -> Shape:
    """What templates see as `context`, whichever trigger started the run."""
    if not spec.trigger:
        return of_schema(spec.context) if spec.context is not None else ANY
    schemas = [context_of(spec, index) for index in range(len(spec.trigger))]
    return union([of_schema(schema) if schema is not None else ANY for schema in schemas])


def trigger_path(document_has_list: bool, index: int, *steps: str | int) -> Path:
    """The way to a value of a trigger, which may be written without the list."""
    return ("trigger", index, *steps) if document_has_list else ("trigger", *steps)


def check_triggers(workflow: ResolvedWorkflow, desk: Reporter) -> None:
    """CC701 to CC710, and the triggers' expressions."""
    listed = desk.document.value(("trigger", 0)) is not desk.document.value(("trigger",))
    for index, trigger in enumerate(workflow.spec.trigger):
        path = trigger_path(listed, index)
        if isinstance(trigger, ScheduleSpec):
            _check_schedule(trigger, path, desk)
        else:
            _check_event(workflow, index, trigger, (path, desk))


def _check_schedule(trigger: ScheduleSpec, path: Path, desk: Reporter) -> None:
    fault = cron_fault(trigger.schedule)
    if fault:
        hint = 'for example "0 9 * * 1": Mondays at nine'
        desk.at((*path, "schedule"), "CC702", f"the schedule is no cron expression: {fault}", hint)
    for surprise in [] if fault else cron_surprises(trigger.schedule):
        desk.at((*path, "schedule"), "CC709", f"the schedule runs more rarely than it seems: {surprise}")
    zone = timezone_fault(trigger.timezone)
    if zone:
        desk.at((*path, "timezone"), "CC703", zone[0], zone[1])
    elif not fault:
        for warning in daylight_saving_warnings(trigger.schedule, trigger.timezone):
            desk.at((*path, "schedule"), "CC710", warning, "choose another time of day, or UTC")


def _check_event(workflow: ResolvedWorkflow, index: int, trigger: EventSpec, where: tuple[Path, Reporter]) -> None:
    path, desk = where
    fault = subject_fault(trigger.event)
    if fault and trigger.event:
        message = f"{quoted(trigger.event)} is not a NATS subject: {fault}"
        desk.at((*path, "event"), "CC701", message, "join the parts with dots, as in graph.file.updated")
    schema = context_of(workflow.spec, index)
    event = of_schema(schema) if schema is not None else ANY
    if schema is None and not fault and trigger.event:
        hint = did_you_mean(trigger.event, KNOWN_CONTEXTS) or "describe the event under `context`"
        desk.at((*path, "event"), "CC708", f"the platform knows no event {quoted(trigger.event)}", hint)
    for name, wanted in trigger.filters.items():
        check_filter(name, wanted, event, ((*path, "filters", name), desk))
    if trigger.expression is not None:
        alone = ResolvedWorkflow(
            workflow.spec, workflow.steps, workflow.by_id, workflow.topology, workflow.handlers, event
        )
        check_condition(trigger.expression, (*path, "expression"), Bindings(alone), desk)


def check_context(spec: WorkflowSpec, desk: Reporter) -> bool:
    """Whether the workflow's own context schema can be used; else CC307."""
    if spec.context is None:
        return True
    if spec.context.get("type") != "object":
        hint = "write `type: object` and the fields under `properties`"
        desk.at_key(("context",), "CC307", "`context` must be a JSON Schema of an object", hint)
    problems = check_schema(spec.context)[:5]
    for problem in problems:
        desk.at_key(("context",), "CC307", f"`context` is no schema that can be used: {problem}")
    return not problems and spec.context.get("type") == "object"
