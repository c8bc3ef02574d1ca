"""Plan -> a picture of its graph: Mermaid for documents, text for a terminal."""

from __future__ import annotations

import re

from compiler.plan import Plan, PlanNode, Trigger
from compiler.trigger_types.registry import type_of

_UNSAFE = re.compile(r'["<>&#`\\\[\]{}|\x00-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069]')


def mermaid(plan: Plan) -> str:
    """A Mermaid flow chart: triggers, nodes, gates as diamonds, failure handlers by dotted arrows."""
    lines = ["flowchart TD"]
    places = {node.id: f"n{index}" for index, node in enumerate(plan.nodes)}
    for index, trigger in enumerate(plan.triggers):
        lines.append(f'  t{index}(["{_escaped(trigger_label(trigger))}"])')
    for node in plan.nodes:
        lines.extend(_mermaid_node(node, places[node.id]))
    for node in plan.nodes:
        lines.extend(_mermaid_edges(plan, node, places))
    gated = [places[node.id] for node in plan.nodes if node.gate is not None]
    if gated:
        lines.append("  classDef gated stroke-width:3px")
        lines.append(f"  class {','.join(gated)} gated")
    return "\n".join(lines) + "\n"


def _mermaid_node(node: PlanNode, place: str) -> list[str]:
    lines = [f'  {place}["{_escaped(node.id)}<br/>{_escaped(node.agent)}.{_escaped(node.action)}"]']
    if node.gate is not None:
        lines.append(f'  {place}g{{"{gate_label(node)}"}} --> {place}')
    return lines


def _mermaid_edges(plan: Plan, node: PlanNode, places: dict[str, str]) -> list[str]:
    """Arrows end at the gate, where there is one: no arrow bypasses it."""
    target = places[node.id] + ("g" if node.gate is not None else "")
    label = f'|"{_escaped("when " + str(node.when))}"|' if node.when is not None else ""
    lines = [f"  {places[parent]} -->{label} {target}" for parent in node.depends_on]
    if not node.depends_on and not node.handler_only:
        lines.extend(f"  t{index} -->{label} {target}" for index in range(len(plan.triggers)))
    if node.on_failure.startswith("handler:"):
        handler = plan.node(node.on_failure.removeprefix("handler:"))
        aim = places[handler.id] + ("g" if handler.gate is not None else "")
        lines.append(f"  {places[node.id]} -.->|on failure| {aim}")
    return lines


def trigger_label(trigger: Trigger) -> str:
    """A label for the trigger."""
    return type_of(trigger).label(trigger)


def gate_label(node: PlanNode) -> str:
    """Who decides the gate."""
    assert node.gate is not None
    who = f"{node.gate.quorum} approval" + ("s" if node.gate.quorum > 1 else "")
    return f"{who} of {len(node.gate.approvers)}" if node.gate.approvers else who


def _escaped(text: str) -> str:
    """Text escaped for Mermaid and HTML."""
    cut = text if len(text) <= 80 else text[:79] + "…"
    return _UNSAFE.sub(lambda match: f"#{ord(match[0])};" if match[0].isprintable() else " ", cut)


def text_graph(plan: Plan) -> str:
    """The nodes in order of rank: those of one rank run side by side."""
    lines = [f"{plan.name}"]
    lines.extend(f"  on {trigger_label(trigger)}" for trigger in plan.triggers)
    ranks = _ranks(plan)
    for rank in range(max(ranks.values(), default=-1) + 1):
        lines.append(f"  {rank + 1}.")
        lines.extend(f"    {_line(node)}" for node in plan.nodes if ranks[node.id] == rank)
    return "\n".join(lines) + "\n"


def _ranks(plan: Plan) -> dict[str, int]:
    """Node -> length of the longest path to it."""
    handled: dict[str, list[str]] = {}
    for node in plan.nodes:
        if node.on_failure.startswith("handler:"):
            handled.setdefault(node.on_failure.removeprefix("handler:"), []).append(node.id)
    ranks: dict[str, int] = {}
    for node in plan.nodes:
        above = [*node.depends_on, *handled.get(node.id, [])]
        ranks[node.id] = max((ranks[parent] + 1 for parent in above), default=0)
    return ranks


def _line(node: PlanNode) -> str:
    parts = [f"{node.id}  {node.agent}.{node.action}"]
    if node.gate is not None:
        parts.append(f"[gate: {gate_label(node)}]")
    if node.when is not None:
        parts.append(f"when {node.when}")
    if node.foreach is not None:
        parts.append("for each item")
    if node.handler_only:
        parts.append("on failure only")
    if node.depends_on:
        parts.append("after " + ", ".join(node.depends_on))
    return "  ".join(parts)
