"""One workflow file -> its plan and diagnostics. Pure, and never an exception for what a file holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue

from compiler.callees import call_order, callable_workflow, called_plans, in_circle, names_of_calls
from compiler.catalogue import Catalogue
from compiler.checks.advice import check_characters, check_use
from compiler.checks.calls import check_calls
from compiler.checks.conditions import check_condition, check_workflow_templates, item_shape, known_by_condition
from compiler.checks.graph import check_graph
from compiler.checks.inputs import check_inputs
from compiler.checks.names import check_agents, check_names
from compiler.checks.reporter import Reporter, node_path
from compiler.checks.risk import check_risk
from compiler.checks.taint import check_taint
from compiler.checks.trigger_rules import check_context, check_triggers, context_shape
from compiler.diagnostics.diagnostic import START, Diagnostic, DiagnosticList
from compiler.inference.bindings import Bindings, ResolvedWorkflow, resolve
from compiler.inference.shape import ANY
from compiler.language import document as documents
from compiler.language.composer import compose
from compiler.language.document import Document, plain
from compiler.language.reading import ReadSpec, read
from compiler.language.source import Source
from compiler.plan import Plan
from compiler.planning import plan


@dataclass(frozen=True)
class Compiled:
    """What became of one file."""

    plan: Plan | None
    """None if and only if one of the diagnostics is an error."""
    diagnostics: tuple[Diagnostic, ...]
    callees: Mapping[str, Plan] = field(default_factory=dict[str, Plan])
    """The workflows that it calls, directly or not, by name; for dry runs."""


def compile(source: Source, catalogue: Catalogue, *, project_id: int = 1) -> Compiled:
    """Check the file against the project's agents; all mistakes are reported at once."""
    report = DiagnosticList(source.path)
    document = compose(source, report)
    if document is not None:
        check_characters(document, report)
    reading = read(document, report) if document is not None else None
    if document is None or reading is None:
        return Compiled(None, report.diagnostics())
    workflow = _check(reading, catalogue, Reporter(document, report))
    if report.failed:
        return Compiled(None, report.diagnostics())
    frozen = plan(workflow, project_id=project_id, trigger_source=_trigger_source(document))
    return Compiled(frozen, report.diagnostics(), called_plans(frozen, catalogue.workflows))


def compile_all(sources: Sequence[Source], catalogue: Catalogue, *, project_id: int = 1) -> list[Compiled]:
    """Each file against the others that it calls, and whether their names are different: a name is an identity."""
    results = _compile_in_order(sources, catalogue, project_id)
    first: dict[tuple[int, str], str] = {}
    for index, (source, result) in enumerate(zip(sources, results, strict=True)):
        if result.plan is None:
            continue
        key = (result.plan.project_id, result.plan.name)
        if key in first:
            results[index] = _taken(source, result, first[key])
        first.setdefault(key, source.path)
    return results


def _compile_in_order(sources: Sequence[Source], catalogue: Catalogue, project_id: int) -> list[Compiled]:
    """Workflows that are called before those that call them. What is given here replaces what is deployed."""
    calls = [names_of_calls(source) for source in sources]
    if not any(called for _, called in calls):
        return [compile(source, catalogue, project_id=project_id) for source in sources]
    order, circles = call_order(calls)
    given = {name: in_circle(name, circles[name]) for name in circles}
    done: dict[int, Compiled] = {}
    for index in order:
        name, _ = calls[index]
        known = Catalogue(agents=catalogue.agents, workflows={**catalogue.workflows, **given})
        done[index] = compile(sources[index], known, project_id=project_id)
        if name not in circles:
            given[name] = callable_workflow(name, done[index].plan, known.workflows)
    return [done[index] for index in range(len(sources))]


def _taken(source: Source, result: Compiled, path: str) -> Compiled:
    report = DiagnosticList(source.path)
    document = compose(source, report)
    span = document.span(("name",)) if document is not None else START
    name = result.plan.name if result.plan is not None else ""
    message = f"the workflow {name!r} is already defined in {path}"
    report.add("CC207", span, message, hint="give one of them another name, or remove one file")
    found = sorted((*result.diagnostics, *report.diagnostics()), key=lambda each: (each.line, each.column))
    return Compiled(None, tuple(found))


def _check(reading: ReadSpec, catalogue: Catalogue, reporter: Reporter) -> ResolvedWorkflow:
    spec = reading.spec
    check_names(spec, reporter)
    topology, loose = check_graph(spec, reporter)
    context = context_shape(spec) if check_context(spec, reporter) else ANY
    workflow = resolve(spec, catalogue, topology, context, doubtful=reading.doubtful | loose)
    check_agents(workflow, catalogue, reporter)
    check_calls(workflow, catalogue, reporter)
    check_triggers(workflow, reporter)
    check_risk(workflow, reporter)
    for step in workflow.steps:
        given = known_by_condition(step.spec.when)
        item = item_shape(workflow, step, reporter, given)
        here = Bindings(workflow, step.position, item, not_null=given)
        check_condition(
            step.spec.when, node_path(step.position, "when"), Bindings(workflow, step.position), reporter
        )
        check_inputs(workflow, step, here, reporter)
        check_taint(workflow, step, here, reporter)
    check_workflow_templates(workflow, reporter)
    check_use(workflow, reporter)
    return workflow


def _trigger_source(document: Document) -> JsonValue:
    root = document.root
    return (
        plain(root.entries["trigger"])
        if isinstance(root, documents.Mapping) and "trigger" in root.entries
        else None
    )
