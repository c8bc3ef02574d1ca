"""Places for runs of workflows with `concurrency`, and the queue for them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TIME = sa.DateTime().with_variant(postgresql.TIMESTAMP(precision=3), "postgresql")
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "RunSlot",
        sa.Column("id", SERIAL, primary_key=True, autoincrement=True),
        _refer("workflowRunId", "WorkflowRun.id"),
        _refer("workflowId", "Workflow.id"),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("limit", sa.Integer(), nullable=False),
        sa.Column("askedAt", TIME, nullable=False, server_default=sa.text("CURRENT_TIMESTAMP")),
        sa.Column("heldAt", TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name="RunSlot_pkey"),
    )
    op.create_index("RunSlot_workflowRunId_key", "RunSlot", ["workflowRunId"], unique=True)
    op.create_index("RunSlot_workflowId_key_idx", "RunSlot", ["workflowId", "key"])


def _refer(column: str, target: str) -> sa.Column[str]:
    reference = sa.ForeignKey(target, name=f"RunSlot_{column}_fkey", ondelete="CASCADE", onupdate="CASCADE")
    return sa.Column(column, sa.Text(), reference, nullable=False)


def downgrade() -> None:
    raise NotImplementedError("records are never migrated backwards: restore a backup")
