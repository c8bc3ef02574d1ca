"""Two plans -> the changes that a reviewer must know before the new one is deployed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from compiler.plan import ApprovalRule, Plan, PlanNode, Trigger
from compiler.review.diagram import trigger_label
from compiler.trigger_types.registry import type_of

Kind = Literal[
    "workflow-added",
    "workflow-removed",
    "workflow-changed",
    "node-added",
    "node-removed",
    "node-changed",
    "network-added",
    "network-removed",
    "secret-added",
    "secret-removed",
    "risk-up",
    "risk-down",
    "gate-removed",
    "gate-added",
    "gate-weakened",
    "gate-changed",
    "trigger-added",
    "trigger-removed",
    "trigger-widened",
    "trigger-narrowed",
    "trusted-trigger-added",
    "agent-changed",
]
DANGEROUS: frozenset[Kind] = frozenset({"gate-removed", "gate-weakened", "trusted-trigger-added"})
"""A deploy asks before it applies these."""


@dataclass(frozen=True)
class ReviewedChange:
    """One difference."""

    kind: Kind
    workflow: str
    subject: str
    """The node or trigger it is about; empty for the workflow itself."""
    message: str

    @property
    def dangerous(self) -> bool:
        """Whether a person must agree to it."""
        return self.kind in DANGEROUS


def changes(old: Plan | None, new: Plan | None) -> tuple[ReviewedChange, ...]:
    """What the new plan changes; None for a workflow that does not exist."""
    if old is None and new is None:
        return ()
    if old is None:
        assert new is not None
        return (ReviewedChange("workflow-added", new.name, "", f"the workflow {new.name!r} is new"), *_reach(new))
    if new is None:
        return (ReviewedChange("workflow-removed", old.name, "", f"the workflow {old.name!r} is removed"),)
    if old.digest == new.digest:
        return ()
    found = [*_workflow(old, new), *_triggers(old, new), *_nodes(old, new)]
    if not found:
        found.append(ReviewedChange("workflow-changed", new.name, "", "the workflow changed in details"))
    return tuple(found)


def _reach(plan: Plan) -> Iterator[ReviewedChange]:
    """Of a new workflow: what starts it, what its nodes may use and do, and where it asks."""
    for trigger in plan.triggers:
        label = trigger_label(trigger)
        yield ReviewedChange("trigger-added", plan.name, label, f"it is started by {label}")
    for node in plan.nodes:
        yield from _new_node(plan.name, node)


def _new_node(workflow: str, node: PlanNode) -> Iterator[ReviewedChange]:
    yield from _node_reach(workflow, None, node)
    yield from _gate(workflow, node.id, None, node.gate)
    if node.effect is not None and node.gate is None:
        message = f"{node.id}: has the effect {node.effect!r} without an approval"
        yield ReviewedChange("node-added", workflow, node.id, message)


def _workflow(old: Plan, new: Plan) -> Iterator[ReviewedChange]:
    for field in ("status", "description", "concurrency", "outputs", "context_schema", "project_id"):
        if getattr(old, field) != getattr(new, field):
            yield ReviewedChange("workflow-changed", new.name, "", f"its {field.replace('_', ' ')} changed")
    for name in sorted(set(new.trusted_triggers) - set(old.trusted_triggers)):
        message = f"the policy now trusts the trigger {name!r} to pass gates"
        yield ReviewedChange("trusted-trigger-added", new.name, name, message)
    for name in sorted(set(old.trusted_triggers) - set(new.trusted_triggers)):
        yield ReviewedChange(
            "workflow-changed", new.name, name, f"the policy no longer trusts the trigger {name!r}"
        )


def _triggers(old: Plan, new: Plan) -> Iterator[ReviewedChange]:
    before, after = list(old.triggers), list(new.triggers)
    for trigger in [each for each in before if each in after]:
        before.remove(trigger)
        after.remove(trigger)
    for trigger in after:
        former = next((each for each in before if _same_source(each, trigger)), None)
        label = trigger_label(trigger)
        if former is None:
            yield ReviewedChange("trigger-added", new.name, label, f"it is now also started by {label}")
            continue
        before.remove(former)
        wider = type_of(trigger).widened(former, trigger)
        kind: Kind = "trigger-widened" if wider else "trigger-narrowed"
        yield ReviewedChange(kind, new.name, label, f"{label}: {wider or 'starts fewer runs than before'}")
    for trigger in before:
        label = trigger_label(trigger)
        yield ReviewedChange("trigger-removed", new.name, label, f"it is no longer started by {label}")


def _same_source(old: Trigger, new: Trigger) -> bool:
    return type(old) is type(new) and type_of(new).same_source(old, new)


def short(digest: str) -> str:
    """The first digits of a digest, which tell versions apart."""
    return digest.removeprefix("sha256:")[:12]


def _nodes(old: Plan, new: Plan) -> Iterator[ReviewedChange]:
    before = {node.id: node for node in old.nodes}
    after = {node.id: node for node in new.nodes}
    for node_id, node in after.items():
        if node_id not in before:
            what = f"{node.agent}.{node.action}"
            if node.calls is not None:
                what = f"runs workflow {node.calls.workflow!r}, version {short(node.calls.plan)}"
            yield ReviewedChange("node-added", new.name, node_id, f"the node {node_id!r} ({what}) is new")
            yield from _new_node(new.name, node)
        elif before[node_id] != node:
            yield from _node(new.name, before[node_id], node)
    for node_id, node in before.items():
        if node_id not in after:
            yield ReviewedChange("node-removed", new.name, node_id, f"the node {node_id!r} is removed")
            if node.gate is not None:
                message = f"the node {node_id!r} is removed, and its gate with it"
                yield ReviewedChange("gate-removed", new.name, node_id, message)


_DETAILS = {
    "agent": "agent",
    "action": "action",
    "inputs": "inputs",
    "depends_on": "dependencies",
    "when": "condition",
    "foreach": "foreach",
    "retries": "retries",
    "timeout_seconds": "time limit",
    "memory_mb": "memory",
    "on_failure": "what happens on failure",
    "settings": "settings",
    "input_schema": "the action's input schema",
    "output_schema": "the action's output schema",
}


def _node(workflow: str, old: PlanNode, new: PlanNode) -> Iterator[ReviewedChange]:
    details = [words for field, words in _DETAILS.items() if getattr(old, field) != getattr(new, field)]
    if details:
        yield ReviewedChange("node-changed", workflow, new.id, f"{new.id}: changed {', '.join(details)}")
    if old.calls is not None and new.calls is not None and old.calls.plan != new.calls.plan:
        message = (
            f"{new.id}: it now runs version {short(new.calls.plan)} of workflow {new.calls.workflow!r},"
            f" was {short(old.calls.plan)}"
        )
        yield ReviewedChange("agent-changed", workflow, new.id, message)
    if (old.agent_version, old.agent_digest) != (new.agent_version, new.agent_digest):
        message = f"{new.id}: the agent {new.agent!r} is now {new.agent_version}, was {old.agent_version}"
        if old.agent_version == new.agent_version:
            message = (
                f"{new.id}: the code of the agent {new.agent!r} changed, its version {new.agent_version} did not"
            )
        yield ReviewedChange("agent-changed", workflow, new.id, message)
    yield from _node_reach(workflow, old, new)
    if old.risk != new.risk:
        kind: Kind = "risk-up" if new.risk == "APPROVAL_REQUIRED" else "risk-down"
        yield ReviewedChange(kind, workflow, new.id, f"{new.id}: its risk is now {new.risk}, was {old.risk}")
    yield from _gate(workflow, new.id, old.gate, new.gate)


def _node_reach(workflow: str, old: PlanNode | None, new: PlanNode) -> Iterator[ReviewedChange]:
    kinds: tuple[tuple[str, str, Kind, Kind], ...] = (
        ("network", "host", "network-added", "network-removed"),
        ("secrets", "secret", "secret-added", "secret-removed"),
    )
    for field, what, added, removed in kinds:
        before: set[str] = set(getattr(old, field)) if old else set()
        after: set[str] = set(getattr(new, field))
        for name in sorted(after - before):
            yield ReviewedChange(added, workflow, new.id, f"{new.id}: may now use the {what} {name!r}")
        for name in sorted(before - after):
            yield ReviewedChange(removed, workflow, new.id, f"{new.id}: no longer uses the {what} {name!r}")


def _gate(
    workflow: str, node: str, old: ApprovalRule | None, new: ApprovalRule | None
) -> Iterator[ReviewedChange]:
    if old == new:
        return
    if new is None:
        yield ReviewedChange(
            "gate-removed", workflow, node, f"{node}: its gate is removed, it now runs without approval"
        )
    elif old is None:
        yield ReviewedChange("gate-added", workflow, node, f"{node}: needs an approval")
    else:
        weaker = _weaker(old, new)
        kind: Kind = "gate-weakened" if weaker else "gate-changed"
        yield ReviewedChange(kind, workflow, node, f"{node}: {weaker or 'its approval rule changed'}")


def _weaker(old: ApprovalRule, new: ApprovalRule) -> str:
    """Why the new rule allows what the old one did not; empty if it does not."""
    others = bool(old.approvers) and bool(set(new.approvers) - set(old.approvers))
    reasons = [
        (new.quorum < old.quorum, f"the quorum is {new.quorum}, was {old.quorum}"),
        (bool(old.approvers) and not new.approvers, "anybody may approve now"),
        (others, "other people may approve"),
        (new.on_expiry == "approve" and old.on_expiry != "approve", "an expired deadline approves"),
        (new.allow_self_approval and not old.allow_self_approval, "who triggered it may approve it"),
        (new.allow_unverified and not old.allow_unverified, "an unverified name may approve it"),
        (bool(set(new.trusted_triggers) - set(old.trusted_triggers)), "more triggers pass it unasked"),
    ]
    return "; ".join(reason for holds, reason in reasons if holds)


def format_changes(found: tuple[ReviewedChange, ...]) -> str:
    """The changes as text, the dangerous ones marked."""
    marks = {True: "!", False: " "}
    lines = [f"{marks[change.dangerous]} {change.workflow}: {change.message} [{change.kind}]" for change in found]
    return "\n".join(lines) + "\n" if lines else "nothing changes\n"
