"""Approvals, votes, and the append-only audit."""

from sqlalchemy import Boolean, Column, Index, Integer, Table, Text, text

from records.tables.columns import APPROVAL_STATUS, JSON_VALUE, NOW, SERIAL, Moment, key, may, must, refer
from records.tables.schema import METADATA

_CURRENT = text('"supersededAt" IS NULL')

WORKFLOW_APPROVAL = Table(
    "WorkflowApproval",
    METADATA,
    key(),
    refer("WorkflowApproval", "workflowRunId", "WorkflowRun.id", "RESTRICT"),
    must("nodeId", Text),
    must("status", APPROVAL_STATUS),
    must("requestedAt", Moment, server_default=NOW),
    may("respondedAt", Moment),
    may("respondedBy", Text),
    may("notes", Text),
    # Ours.
    may("nodeKey", Text),
    may("digest", Text),
    may("card", JSON_VALUE),
    may("rule", JSON_VALUE),
    may("deadline", Moment),
    must("verified", Boolean, server_default=text("false")),
    may("channel", Text),
    # Why it was answered without a person: expired, superseded, run-ended, policy.
    may("closedAs", Text),
    # Inputs an approver changed, and the digest of what was asked before the change.
    may("edits", JSON_VALUE),
    may("baseDigest", Text),
    may("supersededAt", Moment),
    may("escalatedAt", Moment),
    may("remindedAt", Moment),
    # By the platform's key: what was asked, and what was decided. See `records.database.signing`.
    may("questionSignature", Text),
    may("signature", Text),
    Index("WorkflowApproval_workflowRunId_status_idx", "workflowRunId", "status"),
    # One gate of a node is the current one; older ones are history.
    Index(
        "WorkflowApproval_workflowRunId_nodeKey_current_key",
        "workflowRunId",
        "nodeKey",
        unique=True,
        postgresql_where=_CURRENT,
        sqlite_where=_CURRENT,
    ),
    Index("WorkflowApproval_status_deadline_idx", "status", "deadline"),
    Index("WorkflowApproval_requestedAt_idx", "requestedAt"),
)

APPROVAL_VOTE = Table(
    "ApprovalVote",
    METADATA,
    key(),
    refer("ApprovalVote", "approvalId", "WorkflowApproval.id", "CASCADE"),
    # The name as it is compared: equal persons have equal voters.
    must("voter", Text),
    must("name", Text),
    must("verified", Boolean),
    must("channel", Text),
    may("notes", Text),
    must("votedAt", Moment, server_default=NOW),
    may("signature", Text),
    Index("ApprovalVote_approvalId_voter_key", "approvalId", "voter", unique=True),
)

APPROVAL_AUDIT = Table(
    "ApprovalAudit",
    METADATA,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    # No foreign keys: the audit outlives what it speaks of.
    must("approvalId", Text),
    must("workflowRunId", Text),
    must("nodeKey", Text),
    must("projectId", Integer),
    must("event", Text),
    may("by", Text),
    must("verified", Boolean, server_default=text("false")),
    may("channel", Text),
    may("digest", Text),
    may("notes", Text),
    must("at", Moment, server_default=NOW),
    # Each entry names the hash of the one before it; see `records.approvals.audit_chain`.
    may("previousHash", Text),
    may("hash", Text),
    Index("ApprovalAudit_approvalId_idx", "approvalId"),
    Index("ApprovalAudit_workflowRunId_idx", "workflowRunId"),
    Index("ApprovalAudit_projectId_idx", "projectId"),
)
