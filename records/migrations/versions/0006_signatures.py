"""Signatures of questions, votes and decisions, and the hash chain of the audit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_ADDED = (
    ("WorkflowApproval", "questionSignature"),
    ("WorkflowApproval", "signature"),
    ("ApprovalVote", "signature"),
    ("ApprovalAudit", "previousHash"),
    ("ApprovalAudit", "hash"),
)


def upgrade() -> None:
    for table, column in _ADDED:
        op.add_column(table, sa.Column(column, sa.Text(), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("records are never migrated backwards: restore a backup")
