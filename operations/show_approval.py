"""An approval's id -> what a person decides on: who has voted, what text comes from outside, what was asked before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from compiler.plan import PlanDigest
from compiler.plan_graph import TaintedInput, plan_graph
from records import Approval, AuditEntry, NotFound, Records


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
    audit: tuple[AuditEntry, ...]


async def show_approval(
    approval_id: str, *, records: Records, project_id: int, by: str, verified: bool, channel: str
) -> ApprovalReport:
    """The report; that the person looked at it is recorded. Raises NotFound."""
    await records.record_view(approval_id, by=by, verified=verified, channel=channel, project_id=project_id)
    approval = await records.question(approval_id, project_id=project_id)
    of_run = await records.approvals(project_id, run_id=approval.run_id, superseded=True)
    return ApprovalReport(
        approval=approval,
        votes=await records.votes(approval_id),
        quorum=approval.rule.quorum,
        tainted=await _tainted(approval, records),
        recommendation=_recommendation(approval.card),
        earlier=tuple(
            each
            for each in of_run
            if each.node_id == approval.node_id
            and each.id != approval.id
            and each.requested_at <= approval.requested_at
        ),
        audit=tuple(await records.audit_trail(approval_id=approval_id, project_id=project_id)),
    )


async def _tainted(approval: Approval, records: Records) -> tuple[TaintedInput, ...]:
    run = await records.run(approval.run_id)
    try:
        plan = await records.plan(PlanDigest(run.plan_digest or ""))
    except NotFound:
        return ()
    return plan_graph(plan).tainted.get(approval.node_id, ())


def _recommendation(card: Mapping[str, Any]) -> Any:
    """The field of that name in an output right before the node."""
    upstream = card.get("upstream")
    for output in cast("dict[str, Any]", upstream).values() if isinstance(upstream, dict) else ():
        if isinstance(output, dict) and "recommendation" in output:
            return cast("dict[str, Any]", output)["recommendation"]
    return None
