"""Plan -> its graph as data: edges with the types of what flows along them, and the inputs that outsiders may write.

Taint here is what the plan alone tells: a reference that may carry text from outside, whether or not its place
interprets it. `compiler.checks.taint` decides what is an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Literal, cast

from pydantic import JsonValue

from compiler.expressions.template import is_template, read_template
from compiler.expressions.tree import Reference, TemplateError
from compiler.inference.shape import ANY, Lost, Shape, descend, list_of, of_schema
from compiler.plan import Plan, PlanNode

EdgeKind = Literal["dependsOn", "onFailure"]


@dataclass(frozen=True, kw_only=True)
class Flow:
    """One template of an input that reads an output."""

    input: str
    reference: str
    type: str
    """In words."""


@dataclass(frozen=True, kw_only=True)
class Edge:
    """One node runs after another."""

    source: str
    target: str
    kind: EdgeKind
    flows: tuple[Flow, ...]
    """What the target reads of the source's output; empty: it only waits."""


@dataclass(frozen=True, kw_only=True)
class TaintedInput:
    """An input that text from outside may reach."""

    input: str
    source: str


@dataclass(frozen=True, kw_only=True)
class PlanGraph:
    """The edges of a plan, and for each node the inputs that are not trusted."""

    edges: tuple[Edge, ...]
    tainted: dict[str, tuple[TaintedInput, ...]]


def plan_graph(plan: Plan) -> PlanGraph:
    """The graph of a checked workflow."""
    references = {node.id: tuple(_references(node)) for node in plan.nodes}
    edges: list[Edge] = []
    for node in plan.nodes:
        for parent in node.depends_on:
            flows = tuple(
                Flow(input=name, reference=str(reference), type=_type(plan, reference).describe())
                for name, reference in references[node.id]
                if _node_of(reference) == parent
            )
            edges.append(Edge(source=parent, target=node.id, kind="dependsOn", flows=flows))
        if node.on_failure.startswith("handler:"):
            handler = node.on_failure.removeprefix("handler:")
            edges.append(Edge(source=node.id, target=handler, kind="onFailure", flows=()))
    tainted = {
        node.id: tuple(
            TaintedInput(input=name, source=str(reference))
            for name, reference in references[node.id]
            if _may_come_from_outside(plan, node, reference) and "string" in _type(plan, reference, node).kinds
        )
        for node in plan.nodes
    }
    return PlanGraph(edges=tuple(edges), tainted={node: found for node, found in tainted.items() if found})


def _references(node: PlanNode) -> Iterator[tuple[str, Reference]]:
    """Input and reference, each once; `when` and `foreach` are inputs of their own."""
    places: dict[str, Any] = {**node.inputs, "when": node.when}
    if node.foreach is not None:
        places["foreach"] = node.foreach.items
    seen: set[tuple[str, Reference]] = set()
    for name, value in places.items():
        for reference in _inside(value):
            if (name, reference) not in seen:
                seen.add((name, reference))
                yield name, reference


def _inside(value: JsonValue) -> Iterator[Reference]:
    waiting: list[Any] = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str) and is_template(part):
            try:
                pieces = read_template(part).pieces
            except TemplateError:
                continue
            for piece in pieces:
                yield from _of_expression(piece.expression)
        elif isinstance(part, dict):
            waiting.extend(cast("dict[str, Any]", part).values())
        elif isinstance(part, list):
            waiting.extend(cast("list[Any]", part))


def _of_expression(expression: object) -> Iterator[Reference]:
    waiting: list[object] = [expression]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Reference):
            yield part
        elif isinstance(part, tuple):
            waiting.extend(reversed(cast("tuple[object, ...]", part)))
        elif is_dataclass(part):
            waiting.extend(getattr(part, field.name) for field in reversed(fields(part)))


def _node_of(reference: Reference) -> str | None:
    return str(reference.steps[0]) if reference.root == "nodes" and reference.steps else None


def _type(plan: Plan, reference: Reference, node: PlanNode | None = None) -> Shape:
    """What stands at the reference, as far as the plan knows."""
    if reference.root == "context":
        return _at(of_schema(plan.context_schema or {}), reference.steps)
    if reference.root == "nodes" and reference.steps[1:2] == ("output",):
        try:
            producer = plan.node(str(reference.steps[0]))
        except KeyError:
            return ANY
        shape = of_schema(producer.output_schema)
        return _at(list_of(shape) if producer.foreach is not None else shape, reference.steps[2:])
    return ANY


def _at(shape: Shape, steps: tuple[str | int, ...]) -> Shape:
    found = descend(shape, steps)
    return ANY if isinstance(found, Lost) else found


def _may_come_from_outside(plan: Plan, node: PlanNode, reference: Reference) -> bool:
    if reference.root == "context":
        return True
    if reference.root == "item":
        items = node.foreach.items if node.foreach is not None else None
        return any(_may_come_from_outside(plan, node, each) for each in _inside(items) if each.root != "item")
    if reference.root == "nodes" and reference.steps[1:2] != ("status",):
        producer = next((each for each in plan.nodes if each.id == _node_of(reference)), None)
        return producer is not None and producer.agent_type != "RULE"
    return False
