"""Values of an approval: the question, the decision, and the effect of an attempt to decide."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from compiler.plan import ApprovalRule

ApprovalStatus = Literal["PENDING", "APPROVED", "REJECTED"]
DecisionValue = Literal["APPROVED", "REJECTED"]
ClosedAs = Literal["expired", "superseded", "run-ended", "policy"]


@dataclass(frozen=True, kw_only=True)
class Approval:
    """One row of WorkflowApproval."""

    id: str
    run_id: str
    node_id: str
    """The node's id in the YAML."""
    project_id: int
    workflow_name: str
    digest: str
    """Digest of exactly what will run if it is approved."""
    status: ApprovalStatus
    card: dict[str, Any]
    """The card: what the person is shown."""
    rule: ApprovalRule
    requested_at: datetime
    deadline: datetime | None
    responded_at: datetime | None
    responded_by: str | None
    """None where no person decided; see `closed_as`."""
    verified: bool
    """Whether the channel authenticated the person; a name typed into a form is not verified."""
    channel: str | None
    """`form`, `cli`, `api`, …"""
    notes: str | None
    closed_as: ClosedAs | None
    """Why it was closed without a person; None: a person decided, or it is still pending."""
    superseded_at: datetime | None
    """When another question replaced it."""
    escalated_at: datetime | None
    edits: dict[str, Any] | None
    """Input fields that an approver changed; `digest` covers them."""
    base_digest: str | None
    """The digest before the edits."""

    def allows(self, digest: str) -> bool:
        """Whether this approval allows the work with that digest to run. Nothing else opens a gate."""
        return self.status == "APPROVED" and self.superseded_at is None and bool(digest) and digest == self.digest


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The result of an attempt to decide."""

    approval: Approval
    """The approval after the attempt."""
    applied: bool
    """Whether this attempt decided it."""
    counted: bool
    """Whether the vote counts, with or without reaching the quorum."""
    votes: tuple[str, ...]
    """Who approved so far."""
    quorum: int
    reason: str
    """One sentence for the person."""

    @property
    def status(self) -> ApprovalStatus:
        """The approval's status now."""
        return self.approval.status

    @property
    def decided_by(self) -> str | None:
        """Who decided it; None while it is pending, or if it was no person."""
        return self.approval.responded_by


@dataclass(frozen=True, kw_only=True)
class AuditEntry:
    """One line of the audit, never changed."""

    id: int
    approval_id: str
    run_id: str
    node_id: str
    project_id: int
    event: str
    """requested, viewed, reminded, vote, approved, rejected, refused, expired, escalated, superseded, run-ended
    or policy; of a run as a whole: cancelled, retried, rerun or replayed; of any row that has the name that stands for
    the approval's id: row, what counts for it from now on."""
    by: str | None
    verified: bool
    channel: str | None
    digest: str | None
    notes: str | None
    at: datetime
