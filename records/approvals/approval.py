"""A gate's question, its answer, and what a decision did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from compiler.plan import ApprovalRule

ApprovalStatus = Literal["PENDING", "APPROVED", "REJECTED"]
DecisionVerdict = Literal["APPROVED", "REJECTED"]
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
    """Of exactly what will run if it is approved."""
    status: ApprovalStatus
    card: dict[str, Any]
    """What the person is shown."""
    rule: ApprovalRule
    requested_at: datetime
    deadline: datetime | None
    responded_at: datetime | None
    responded_by: str | None
    """None: nobody, see `closed_as`."""
    verified: bool
    """Whether the way in knew who it was; a name typed into a form is not verified."""
    channel: str | None
    """`form`, `cli`, `api`, …"""
    notes: str | None
    closed_as: ClosedAs | None
    """Why it was answered without a person; None: a person answered, or nobody yet."""
    superseded_at: datetime | None
    """Since when another question stands in its place."""
    escalated_at: datetime | None
    edits: dict[str, Any] | None
    """Input fields that an approver changed; `digest` covers them."""
    base_digest: str | None
    """The digest before the edits."""

    def allows(self, digest: str) -> bool:
        """Whether this answer lets run what has that digest: the only thing that opens a gate."""
        return self.status == "APPROVED" and self.superseded_at is None and bool(digest) and digest == self.digest


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What became of an attempt to decide."""

    approval: Approval
    """As it stands now."""
    applied: bool
    """Whether this very attempt decided it."""
    counted: bool
    """Whether it was a vote that counts, be the quorum reached or not."""
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
        """Who decided it; None: nobody yet, or no person."""
        return self.approval.responded_by

    @property
    def decided_at(self) -> datetime | None:
        """When it was decided."""
        return self.approval.responded_at


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
    or policy."""
    by: str | None
    verified: bool
    channel: str | None
    digest: str | None
    notes: str | None
    at: datetime
