"""What agents proposed: the effect that a gate shows, and that is carried out after its approval."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

JSON_VALUE = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
MOMENT = sa.DateTime().with_variant(postgresql.TIMESTAMP(precision=3), "postgresql")


def upgrade() -> None:
    op.create_table(
        "Proposal",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column(
            "workflowRunId",
            sa.Text(),
            sa.ForeignKey(
                "WorkflowRun.id", ondelete="CASCADE", onupdate="CASCADE", name="Proposal_workflowRunId_fkey"
            ),
            nullable=False,
        ),
        sa.Column("nodeKey", sa.Text(), nullable=False),
        sa.Column("item", sa.Integer(), server_default=sa.text("-1"), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("effect", sa.Text(), nullable=False),
        sa.Column("resultJson", JSON_VALUE, nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("durationMs", sa.Integer(), nullable=True),
        sa.Column("logTail", sa.Text(), nullable=True),
        sa.Column("proposedAt", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="Proposal_pkey"),
    )
    op.create_index("Proposal_workflowRunId_nodeKey_idx", "Proposal", ["workflowRunId", "nodeKey"])


def downgrade() -> None:
    raise NotImplementedError("records are never migrated backwards: restore a backup")
