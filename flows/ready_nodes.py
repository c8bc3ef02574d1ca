"""Plan + what has ended so far -> what may start now. Pure: no clock, no Prefect, no database.

A node may start when each node it depends on has ended in a way that lets it go on. What ends badly skips what
depends on it, and only that: other branches finish.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from compiler.plan import Plan, PlanNode
from tasks.outcome import NodeOutcome


@dataclass(frozen=True, kw_only=True)
class ReadyNodes:
    """What a run can do next."""

    ready: tuple[PlanNode, ...]
    """Nodes whose dependencies are done, in plan order."""
    skipped: Mapping[str, NodeOutcome]
    """Nodes that can never run in this run, with the reason."""


def ready_nodes(plan: Plan, *, ended: Mapping[str, NodeOutcome], started: Collection[str]) -> ReadyNodes:
    """Which nodes may start, and which are out of reach. `started` holds the ids that are under way."""
    ready: list[PlanNode] = []
    skipped: dict[str, NodeOutcome] = {}
    handlers = _handlers(plan)
    for node in plan.nodes:
        if node.id in ended or node.id in started:
            continue
        known = {**ended, **skipped}
        if node.id in handlers and (outcome := _as_handler(node, handlers[node.id], known)) is not None:
            skipped[node.id] = outcome
            continue
        if node.id in handlers and not all(source in known for source in handlers[node.id]):
            continue
        if not all(dependency in known for dependency in node.depends_on):
            continue
        blocker = next((each for each in node.depends_on if _blocks(each, node, known, handlers)), None)
        if blocker is None:
            ready.append(node)
        else:
            skipped[node.id] = _blocked(blocker, known[blocker])
    return ReadyNodes(ready=tuple(ready), skipped=skipped)


def failure_of(plan: Plan, ended: Mapping[str, NodeOutcome]) -> str | None:
    """Why the run failed, naming the nodes; None where it succeeded.

    A failed node with `onFailure: continue`, or whose handler succeeded, does not fail the run.
    """
    reasons: list[str] = []
    for node in plan.nodes:
        outcome = ended.get(node.id)
        if outcome is None or outcome.status not in ("FAILED", "REJECTED"):
            continue
        if outcome.status == "FAILED" and _tolerated(node, ended):
            continue
        reasons.append(outcome.reason or f"node {node.id!r} {outcome.status.lower()}")
    return "; ".join(reasons) or None


def _tolerated(node: PlanNode, ended: Mapping[str, NodeOutcome]) -> bool:
    if node.on_failure == "continue":
        return True
    if node.on_failure.startswith("handler:"):
        handler = ended.get(node.on_failure.removeprefix("handler:"))
        return handler is not None and handler.status == "SUCCESS"
    return False


def _handlers(plan: Plan) -> dict[str, list[str]]:
    """Handler node -> the nodes whose failure it handles."""
    handlers: dict[str, list[str]] = {}
    for node in plan.nodes:
        if node.on_failure.startswith("handler:"):
            handlers.setdefault(node.on_failure.removeprefix("handler:"), []).append(node.id)
    return handlers


def _as_handler(node: PlanNode, sources: list[str], known: Mapping[str, NodeOutcome]) -> NodeOutcome | None:
    """A handler is skipped once everything it watches has ended without a failure."""
    if not all(source in known for source in sources):
        return None
    if any(known[source].status == "FAILED" for source in sources):
        return None
    return NodeOutcome(status="SKIPPED", reason=f"node {node.id!r} was not needed: nothing it handles failed")


def _blocks(
    dependency: str, node: PlanNode, known: Mapping[str, NodeOutcome], handlers: Mapping[str, list[str]]
) -> bool:
    watched = dependency in handlers.get(node.id, ()) and known[dependency].status == "FAILED"
    return known[dependency].blocks and not watched


def _blocked(blocker: str, outcome: NodeOutcome) -> NodeOutcome:
    how = "failed" if outcome.status == "FAILED" else f"was {outcome.status.lower()}"
    return NodeOutcome(status="SKIPPED", reason=f"skipped, as node {blocker!r} {how}", blocks=True)
