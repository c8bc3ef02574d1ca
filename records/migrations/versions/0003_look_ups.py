"""Indexes for what is looked up at every start of a run, and per project."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ProcessedEvent_flowRunId_idx", "ProcessedEvent", ["flowRunId"])
    op.create_index("ApprovalAudit_projectId_idx", "ApprovalAudit", ["projectId"])


def downgrade() -> None:
    raise NotImplementedError("records are never migrated backwards: restore a backup")
