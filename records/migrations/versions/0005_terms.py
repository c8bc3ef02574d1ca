"""Columns of ours take the field's own terms: `channel` (was `way`) and `fencingToken` (was `lease`)."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_RENAMED = (
    ("WorkflowRun", "lease", "fencingToken"),
    ("WorkflowApproval", "way", "channel"),
    ("ApprovalVote", "way", "channel"),
    ("ApprovalAudit", "way", "channel"),
)


def upgrade() -> None:
    for table, old, new in _RENAMED:
        op.execute(f'ALTER TABLE "{table}" RENAME COLUMN "{old}" TO "{new}"')


def downgrade() -> None:
    raise NotImplementedError("records are never migrated backwards: restore a backup")
