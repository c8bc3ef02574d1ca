"""Workflow text + one of its nodes -> what its templates may read, which of its inputs takes each, and what an edge
between it and another node could carry.

The text is being written: it may have errors, as long as nodes and triggers can be read. The rules are those of
`compiler.checks.inputs`, so what is offered passes them, and what is refused has their words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
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
from compiler.inference.bindings import RUN_FIELDS, Bindings, ResolvedNode, ResolvedWorkflow, resolve
from compiler.inference.shape import ANY, Lost, Shape, descend
from compiler.language.composer import compose
from compiler.language.document import Document
from compiler.language.reading import read
from compiler.language.source import Source
from compiler.schemas.references import pointer_of, target

MAX_OFFERS = 300
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
"""Fields of other names are typed by hand."""
_DEPTH = 2
"""Fields of fields are offered, what lies deeper is typed by hand."""
_LEVELS = 4
"""Groups in groups of an input that are judged member by member."""
_MAX_MEMBERS = 60
"""Members of groups that are judged: each is held against each offer."""
_NOT_JUDGED = "its type is not looked at here, since the action has very many fields: type it by hand"
MAX_CONNECTIONS = 2_000
_MAX_CARRIED = 60
"""Parts of an output that a connection is judged by."""


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
    refused_within: Mapping[str, str]
    """The same for members of inputs that are groups, by JSON Pointer: `/options/title`."""


@dataclass(frozen=True, kw_only=True)
class Connection:
    """What an edge from one node to another could carry."""

    source: str
    target: str
    takes: Mapping[str, str]
    """Input of the target, or JSON Pointer into a group -> a reference to the source's output that fits it; inputs that
    are not set come first, and of those the ones with the name of what they take."""
    why: str
    """Why it carries nothing; empty where it does."""
    possible: bool
    """Whether the edge can be made: without data it is an order. False: it is there, or would close a circle."""


@dataclass(frozen=True)
class _Input:
    """A place of an action's inputs, and what it takes; None where the action does not say."""

    path: tuple[str, ...]
    consumer: JsonSchema | None

    @property
    def key(self) -> str:
        if len(self.path) == 1:
            return self.path[0]
        return pointer_of(self.path).removeprefix("#")


@dataclass(frozen=True)
class _Draft:
    """A text that is being written, as far as it can be read."""

    workflow: ResolvedWorkflow
    reporter: Reporter
    document: Document

    def bindings(self, step: ResolvedNode) -> Bindings:
        given = known_by_condition(step.spec.when)
        item = item_shape(self.workflow, step, self.reporter, given)
        return Bindings(self.workflow, step.position, item, not_null=given)


def offers(source: Source, catalogue: Catalogue, node: str) -> list[Offer]:
    """Context first, then upstream nodes; empty where the text cannot be read, or has no such node. Never raises."""
    draft = _draft(source, catalogue)
    position = None if draft is None else draft.workflow.by_id.get(node)
    if draft is None or position is None:
        return []
    step = draft.workflow.steps[position]
    here, inputs = draft.bindings(step), _inputs_of(step)
    found = islice(_references(here), MAX_OFFERS)
    return [_offer(reference, shape, step, here, draft, inputs) for reference, shape in found]


def connections(source: Source, catalogue: Catalogue, node: str) -> list[Connection]:
    """What each edge that begins or ends at the node could carry; none where the text cannot be read. Never raises."""
    draft = _draft(source, catalogue)
    position = None if draft is None else draft.workflow.by_id.get(node)
    if draft is None or position is None:
        return []
    judged: _Judged = {}
    this, found = draft.workflow.steps[position], list[Connection]()
    for other in islice(draft.workflow.steps, MAX_CONNECTIONS):
        if other.position != position:
            found += (_connection(this, other, draft, judged), _connection(other, this, draft, judged))
    return found


def _draft(source: Source, catalogue: Catalogue) -> _Draft | None:
    unread = DiagnosticList(source.path)
    document = compose(source, unread)
    reading = read(document, unread) if document is not None else None
    if document is None or reading is None:
        return None
    reporter = Reporter(document, unread)
    topology, loose = check_graph(reading.spec, reporter)
    context = context_shape(reading.spec) if check_context(reading.spec, reporter) else ANY
    workflow = resolve(reading.spec, catalogue, topology, context, doubtful=reading.doubtful | loose)
    return _Draft(workflow, reporter, document)


_ANY_SOURCE = "\0"
_Judged = dict[tuple[Any, ...], tuple[Mapping[str, str], str]]
"""What was found for an action before: a workflow of thousands of nodes has few actions."""


def _connection(source: ResolvedNode, target: ResolvedNode, draft: _Draft, judged: _Judged) -> Connection:
    ends = {"source": source.spec.id, "target": target.spec.id}
    topology = draft.workflow.topology
    if source.spec.id in target.spec.depends_on:
        return Connection(**ends, takes={}, why="it is there already", possible=False)
    if topology.is_upstream(target.position, of=source.position):
        why = f"{target.spec.id} runs before {source.spec.id}: the edge would close a circle"
        return Connection(**ends, takes={}, why=why, possible=False)
    if target.action is None or not (inputs := _inputs_of(target)):
        return Connection(
            **ends, takes={}, why=f"{target.spec.id} has no input that takes anything", possible=True
        )
    # Of the source only the node's name differs between two nodes that do the same.
    key = (id(source.action), draft.workflow.may_lack_output(source), source.spec.foreach is None)
    key += (source.spec.on_failure == "fail",)
    key += (id(target.action), target.spec.when, frozenset(target.spec.inputs))
    if key not in judged:
        found, because = _carried(source, target, draft, inputs)
        judged[key] = found, because.replace(_of(source, ""), _ANY_SOURCE)
    takes, why = judged[key]
    why = why.replace(_ANY_SOURCE, _of(source, ""))
    return Connection(
        **ends, takes={name: _of(source, part) for name, part in takes.items()}, why=why, possible=True
    )


def _of(source: ResolvedNode, part: str) -> str:
    return f"nodes.{source.spec.id}.output{part}"


def _carried(
    source: ResolvedNode, target: ResolvedNode, draft: _Draft, inputs: list[_Input]
) -> tuple[Mapping[str, str], str]:
    """Input -> the part of the output that fits it; and why nothing does."""
    here = draft.bindings(target)
    whole, shape = Reference("nodes", (source.spec.id, "output")), draft.workflow.output(source.position)
    parts = [(whole, shape), *islice(_inside(whole, shape, here), _MAX_CARRIED)]
    takes: dict[str, str] = {}
    why = ""
    for each in inputs:
        name = each.path[-1]
        # A part of the same name is what is meant, and of those that do not fit what a person would ask about.
        for reference, part in sorted(parts, key=lambda part: part[0].steps[-1] != name):
            refusal = _why_not(reference, part, each, target, here, draft)
            if refusal is None:
                takes[each.key] = _written(reference).removeprefix(_of(source, ""))
                break
            why = why or refusal
    first = {each.key: (each.path[0] in target.spec.inputs, each.path[-1]) for each in inputs}

    def rank(item: tuple[str, str]) -> tuple[bool, bool]:
        is_set, name = first[item[0]]
        return is_set, not item[1].endswith((f".{name}", f'["{name}"]'))

    return dict(sorted(takes.items(), key=rank)), "" if takes else why


def _inputs_of(step: ResolvedNode) -> list[_Input]:
    """All inputs, then the members of those that are groups, level by level."""
    root: JsonSchema = step.action.input_schema if step.action else {}
    level = [_Input((name,), rooted(raw, root)) for name, raw in _members(root, root)]
    found, room = list(level), _MAX_MEMBERS
    for _ in range(_LEVELS - 1):
        below = [
            _Input((*each.path, name), rooted(raw, root))
            for each in level
            for name, raw in _members(each.consumer, root)
        ]
        found += (each if at < room else replace(each, consumer=_BEYOND) for at, each in enumerate(below))
        level, room = below[: max(0, room)], room - len(below)
    return found


_BEYOND: JsonSchema = {"$comment": "not judged"}


def _members(schema: JsonSchema | None, root: JsonSchema) -> list[tuple[str, Any]]:
    """Members of an object with fields of its own, also behind a reference or beside null; empty for all else."""
    found: Any = schema
    for _ in range(8):
        if not isinstance(found, Mapping):
            return []
        found = cast("JsonSchema", found)
        either = cast("list[Any]", found.get("anyOf") or found.get("oneOf") or [])
        branches = [each for each in either if each != {"type": "null"}]
        if (ref := str(found.get("$ref", ""))).startswith("#/$defs/"):
            try:
                found = target(root, ref)
            except LookupError:
                return []
        elif branches:
            found = branches[0] if len(branches) == 1 else None
        else:
            return list(cast("Mapping[str, Any]", found.get("properties") or {}).items())
    return []


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


def _offer(
    reference: Reference, shape: Shape, step: ResolvedNode, here: Bindings, draft: _Draft, inputs: list[_Input]
) -> Offer:
    refused: dict[str, str] = {}
    within: dict[str, str] = {}
    for each in inputs:
        if why := _why_not(reference, shape, each, step, here, draft):
            (refused if len(each.path) == 1 else within)[each.key] = why
    node = str(reference.steps[0]) if reference.root == "nodes" else None
    return Offer(
        reference=_written(reference), type=shape.describe(), node=node, refused=refused, refused_within=within
    )


def _why_not(
    reference: Reference, shape: Shape, each: _Input, step: ResolvedNode, here: Bindings, draft: _Draft
) -> str | None:
    """Why a value that is this reference alone does not fit there; None: it does."""
    if each.consumer is _BEYOND:
        return _NOT_JUDGED
    if each.consumer is None:
        return None
    report = DiagnosticList("")
    place = (node_path(step.position, "inputs", *each.path), f"{{{{ {_written(reference)} }}}}")
    check_fit(shape, each.consumer, place, Reporter(draft.document, report), bindings=here)
    errors = [found for found in report.diagnostics() if found.severity == "error"]
    return "; ".join(part for part in (errors[0].message, errors[0].hint) if part) if errors else None
