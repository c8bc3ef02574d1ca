"""An approval's id -> what a person decides on: who has voted, what text comes from outside, what was asked before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from compiler.plan import Plan, PlanDigest
from compiler.plan_graph import TaintedInput, plan_graph
from records import Approval, AuditEntry, DecisionValue, NotFound, Records
from tasks.inputs import changeable
from tasks.proposal import editable_with_effect

_DECISIONS: Mapping[Literal["approve", "reject"], DecisionValue] = {"approve": "APPROVED", "reject": "REJECTED"}


@dataclass(frozen=True, kw_only=True)
class ApprovalReport:
    """One approval with what belongs to it."""

    approval: Approval
    votes: tuple[str, ...]
    quorum: int
    tainted: tuple[TaintedInput, ...]
    """Inputs that text from outside may reach."""
    recommendation: Any
    """What a node before it recommends; None where none does."""
    earlier: tuple[Approval, ...]
    """Questions of the same node that were asked before, oldest first."""
    successor: Approval | None
    """The question that stands in its place, where it was superseded."""
    audit: tuple[AuditEntry, ...]
    editable: Mapping[str, Mapping[str, Any]]
    """Inputs that who approves may change -> their schemas; empty once it is decided."""
    objections: Mapping[Literal["approve", "reject"], str]
    """Why the person cannot take that decision; empty where they can take both."""


async def show_approval(
    approval_id: str, *, records: Records, project_id: int, by: str, verified: bool, channel: str
) -> ApprovalReport:
    """The report; that the person looked at it is recorded. Raises NotFound."""
    await records.record_view(approval_id, by=by, verified=verified, channel=channel, project_id=project_id)
    approval = await records.question(approval_id, project_id=project_id)
    plan = await _plan(approval, records)
    of_run = await records.approvals(project_id, run_id=approval.run_id, superseded=True)
    of_node = [each for each in of_run if each.node_id == approval.node_id and each.id != approval.id]
    return ApprovalReport(
        approval=approval,
        votes=await records.votes(approval_id),
        quorum=approval.rule.quorum,
        tainted=() if plan is None else plan_graph(plan).tainted.get(approval.node_id, ()),
        editable={} if plan is None else _editable(approval, plan),
        recommendation=_recommendation(approval.card),
        earlier=tuple(each for each in of_node if each.requested_at <= approval.requested_at),
        successor=None if approval.superseded_at is None else _standing(of_node),
        audit=tuple(await records.audit_trail(approval_id=approval_id, project_id=project_id)),
        objections={
            word: reason
            for word, decision in _DECISIONS.items()
            if (
                reason := await records.objection(
                    approval_id,
                    decision=decision,
                    by=by,
                    verified=verified,
                    channel=channel,
                    project_id=project_id,
                )
            )
            is not None
        },
    )


def _standing(of_node: list[Approval]) -> Approval | None:
    return next((each for each in reversed(of_node) if each.superseded_at is None), None)


async def _plan(approval: Approval, records: Records) -> Plan | None:
    run = await records.run(approval.run_id)
    try:
        return await records.plan(PlanDigest(run.plan_digest or ""))
    except NotFound:
        return None


def _editable(approval: Approval, plan: Plan) -> dict[str, Mapping[str, Any]]:
    if approval.status != "PENDING" or approval.superseded_at is not None:
        return {}
    node = next((each for each in plan.nodes if each.id == approval.node_id), None)
    if node is None or node.foreach is not None:
        return {}
    schemas = cast("Mapping[str, Mapping[str, Any]]", node.input_schema.get("properties", {}))
    return {field: schemas[field] for field in editable_with_effect(node, changeable(node)) if field in schemas}


def _recommendation(card: Mapping[str, Any]) -> Any:
    """The field of that name in an output right before the node."""
    upstream = card.get("upstream")
    for output in cast("dict[str, Any]", upstream).values() if isinstance(upstream, dict) else ():
        if isinstance(output, dict) and "recommendation" in output:
            return cast("dict[str, Any]", output)["recommendation"]
    return None
