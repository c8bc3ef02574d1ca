"""Plan -> the proof that no risky action runs without an approval: every path to it, and the gate on each.

A node's gate stands before the node itself, so every path that ends at the node passes it; the
gates of nodes above do not count, they approve other actions. Paths are counted exactly and listed up to a limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from compiler.plan import Plan, PlanNode
from compiler.trigger_types.registry import MANUAL, trigger_name

MAX_LISTED = 20


@dataclass(frozen=True)
class ProvenPath:
    """One path from a trigger to an action, and the gates on it."""

    trigger: str
    nodes: tuple[str, ...]
    gates: tuple[str, ...]
    """Nodes on the path whose gate a run of this trigger must pass."""


@dataclass(frozen=True)
class Proof:
    """All paths to one risky action."""

    node: str
    action: str
    paths: tuple[ProvenPath, ...]
    count: int
    """Number of all paths, listed or not."""
    trusted: tuple[str, ...]
    """Triggers for which the policy skips the node's own gate."""

    @property
    def holds(self) -> bool:
        """Whether every path passes the node's own gate, but for the triggers that the policy trusts by name."""
        return all(self.node in path.gates or path.trigger in self.trusted for path in self.paths)


def prove_gates(plan: Plan) -> tuple[Proof, ...]:
    """One proof for each node of risk APPROVAL_REQUIRED, in the plan's order."""
    return tuple(_prove(plan, node) for node in plan.nodes if node.risk == "APPROVAL_REQUIRED")


def _prove(plan: Plan, node: PlanNode) -> Proof:
    triggers = _triggers(plan)
    parents = _parents(plan)
    gates = {each.id: each.gate.trusted_triggers for each in plan.nodes if each.gate is not None}
    paths: list[ProvenPath] = []
    for way in _ways(node.id, parents):
        for trigger in triggers:
            if len(paths) < MAX_LISTED:
                passed = tuple(step for step in way if step in gates and trigger not in gates[step])
                paths.append(ProvenPath(trigger, way, passed))
        if len(paths) >= MAX_LISTED:
            break
    # One path of each trigger is always looked at: the node's own gate decides, and it is on all of them.
    own = {trigger for trigger in triggers if node.id not in gates or trigger in gates[node.id]}
    missing = own - {path.trigger for path in paths}
    paths.extend(ProvenPath(trigger, (node.id,), ()) for trigger in sorted(missing))
    return Proof(
        node=node.id,
        action=f"{node.agent}.{node.action}",
        paths=tuple(paths),
        count=_count(node.id, plan, parents) * len(triggers),
        trusted=gates.get(node.id, ()),
    )


def _triggers(plan: Plan) -> list[str]:
    """Names of all that can start a run, as the policy names them; a person always can."""
    return list(dict.fromkeys([*(trigger_name(each) for each in plan.triggers), MANUAL.word]))


def _parents(plan: Plan) -> dict[str, tuple[str, ...]]:
    handled: dict[str, list[str]] = {node.id: [] for node in plan.nodes}
    for node in plan.nodes:
        if node.on_failure.startswith("handler:"):
            handled[node.on_failure.removeprefix("handler:")].append(node.id)
    return {node.id: tuple(dict.fromkeys((*node.depends_on, *handled[node.id]))) for node in plan.nodes}


def _ways(node: str, parents: dict[str, tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    """All paths from a first node to this one, without recursion."""
    stack: list[tuple[str, ...]] = [(node,)]
    while stack:
        way = stack.pop()
        above = parents[way[0]]
        if not above:
            yield way
        stack.extend((parent, *way) for parent in reversed(above))


def _count(node: str, plan: Plan, parents: dict[str, tuple[str, ...]]) -> int:
    counts: dict[str, int] = {}
    for each in plan.nodes:
        counts[each.id] = sum(counts[parent] for parent in parents[each.id]) or 1
    return counts[node]


def format_proof(plan: Plan) -> str:
    """The proofs as text."""
    proofs = prove_gates(plan)
    if not proofs:
        return f"{plan.name}: no action needs an approval\n"
    lines = [plan.name]
    for proof in proofs:
        sentence = "every path passes its gate" if proof.holds else "A PATH DOES NOT PASS ITS GATE"
        if proof.holds and proof.trusted:
            sentence += f", but for runs of {', '.join(proof.trusted)}, which the policy trusts"
        lines.append(f"  {proof.node} ({proof.action}): {proof.count} path(s), {sentence}")
        lines.extend(f"    {_path_line(path)}" for path in proof.paths)
        if proof.count > len(proof.paths):
            lines.append(f"    … and {proof.count - len(proof.paths)} more, all through the gate of {proof.node}")
    return "\n".join(lines) + "\n"


def _path_line(path: ProvenPath) -> str:
    shown = path.nodes if len(path.nodes) <= 10 else (*path.nodes[:4], "…", *path.nodes[-5:])
    steps = [f"[gate] {step}" if step in path.gates else step for step in shown]
    return " → ".join([path.trigger, *steps])
