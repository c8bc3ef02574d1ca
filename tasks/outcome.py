"""How a node of a run ended: what later nodes, the run's message and the records are told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import JsonValue

from compiler.plan import PlanNode
from tasks.safe_text import safe_text

NodeStatus = Literal["SUCCESS", "FAILED", "SKIPPED", "REJECTED"]


@dataclass(frozen=True, kw_only=True)
class NodeOutcome:
    """How a node ended."""

    status: NodeStatus
    output: JsonValue = None
    reason: str = ""
    """One sentence for people; empty for success."""
    blocks: bool = False
    """True where dependents are skipped: failed, rejected, or skipped because of such a node."""


def failed(node: PlanNode, reason: str) -> NodeOutcome:
    """The outcome of a node whose last attempt failed; `onFailure: continue` lets dependents go on."""
    return NodeOutcome(
        status="FAILED", reason=f"node {node.id!r} failed: {reason}", blocks=node.on_failure != "continue"
    )


def rejected(node: PlanNode, *, by: str, notes: str) -> NodeOutcome:
    """The outcome of a node whose gate was decided against; who and why is what somebody typed, as safe text."""
    because = f": {safe_text(notes)}" if notes else ""
    reason = f"node {node.id!r} was rejected by {safe_text(by)}{because}"
    return NodeOutcome(status="REJECTED", reason=reason, blocks=True)
