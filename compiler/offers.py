"""Workflow text + one of its nodes -> what templates of the node may read, and which of its inputs takes each.

The text is being written: it may have errors, as long as nodes and triggers can be read. The rules are those of
`compiler.checks.inputs`, so what is offered passes them, and what is refused has their words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, cast

from compiler.catalogue import Catalogue, JsonSchema
from compiler.checks.conditions import item_shape, known_by_condition
from compiler.checks.fit import check_fit
from compiler.checks.graph import check_graph
from compiler.checks.inputs import rooted
from compiler.checks.reporter import Reporter, node_path
from compiler.checks.trigger_rules import check_context, context_shape
from compiler.diagnostics.diagnostic import DiagnosticList
from compiler.expressions.tree import Reference
from compiler.inference.bindings import RUN_FIELDS, Bindings, ResolvedNode, resolve
from compiler.inference.shape import ANY, Lost, Shape, descend
from compiler.language.composer import compose
from compiler.language.document import Document
from compiler.language.reading import read
from compiler.language.source import Source

MAX_OFFERS = 300
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
"""Fields of other names are typed by hand."""
_DEPTH = 2
"""Fields of fields are offered, what lies deeper is typed by hand."""


@dataclass(frozen=True, kw_only=True)
class Offer:
    """One path that templates of the node may read."""

    reference: str
    """As it stands in a template: `nodes.scan.output.scanId`."""
    type: str
    """In words."""
    node: str | None
    """Whose output it is part of; None: of the context, the item or the run."""
    refused: Mapping[str, str]
    """Input -> why a value that is this reference alone does not fit it; all other inputs take it."""


def offers(source: Source, catalogue: Catalogue, node: str) -> list[Offer]:
    """Context first, then upstream nodes; empty where the text cannot be read, or has no such node. Never raises."""
    unread = DiagnosticList(source.path)
    document = compose(source, unread)
    reading = read(document, unread) if document is not None else None
    if document is None or reading is None:
        return []
    reporter = Reporter(document, unread)
    topology, loose = check_graph(reading.spec, reporter)
    context = context_shape(reading.spec) if check_context(reading.spec, reporter) else ANY
    workflow = resolve(reading.spec, catalogue, topology, context, doubtful=reading.doubtful | loose)
    position = workflow.by_id.get(node)
    if position is None:
        return []
    step = workflow.steps[position]
    given = known_by_condition(step.spec.when)
    here = Bindings(workflow, position, item_shape(workflow, step, reporter, given), not_null=given)
    found = _references(here)
    return [_offer(reference, shape, step, here, document) for reference, shape in islice(found, MAX_OFFERS)]


def _references(here: Bindings) -> Iterator[tuple[Reference, Shape]]:
    workflow = here.workflow
    yield from _inside(Reference("context", ()), workflow.context, here)
    if here.item is not None:
        yield Reference("item", ()), here.item
        yield from _inside(Reference("item", ()), here.item, here)
    for other in workflow.steps:
        if other.position != here.at and here.may_read(other.position):
            shape = workflow.output(other.position)
            whole = Reference("nodes", (other.spec.id, "output"))
            shape = shape.or_null() if here.failed_into(other.position) and shape.known else shape
            yield whole, shape
            yield from _inside(whole, shape, here)
    for name, shape in RUN_FIELDS.items():
        yield Reference("run", (name,)), shape


def _inside(
    whole: Reference, shape: Shape, here: Bindings, depth: int = _DEPTH
) -> Iterator[tuple[Reference, Shape]]:
    for name in _fields(shape):
        inner = descend(shape, (name,))
        if isinstance(inner, Lost):
            continue
        reference = Reference(whole.root, (*whole.steps, name))
        known = here.has_value(reference.root, reference.steps)
        inner = inner.without_null() if known and inner.nullable else inner
        yield reference, inner
        if depth > 1:
            yield from _inside(reference, inner, here, depth - 1)


def _fields(shape: Shape) -> list[str]:
    names = (name for each in shape.alternatives for name in cast("dict[str, Any]", each.get("properties") or {}))
    return [name for name in dict.fromkeys(names) if _NAME.fullmatch(name)]


def _written(reference: Reference) -> str:
    """As it stands in a template: a field with a hyphen is given in brackets, a node's id is not."""
    start = 2 if reference.root == "nodes" else 0
    fields = (f".{step}" if str(step).isidentifier() else f'["{step}"]' for step in reference.steps[start:])
    return str(Reference(reference.root, reference.steps[:start])) + "".join(fields)


def _offer(reference: Reference, shape: Shape, step: ResolvedNode, here: Bindings, document: Document) -> Offer:
    schema: JsonSchema = step.action.input_schema if step.action else {}
    refused: dict[str, str] = {}
    for name, raw in cast("Mapping[str, Any]", schema.get("properties") or {}).items():
        consumer = rooted(raw, schema)
        report = DiagnosticList("")
        if consumer is not None:
            place = (node_path(step.position, "inputs", name), f"{{{{ {_written(reference)} }}}}")
            check_fit(shape, consumer, place, Reporter(document, report), bindings=here)
        errors = [each for each in report.diagnostics() if each.severity == "error"]
        if errors:
            refused[name] = "; ".join(part for part in (errors[0].message, errors[0].hint) if part)
    node = str(reference.steps[0]) if reference.root == "nodes" else None
    return Offer(reference=_written(reference), type=shape.describe(), node=node, refused=refused)
