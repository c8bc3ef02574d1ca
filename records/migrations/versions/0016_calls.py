"""Runs that a node of another run called."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("WorkflowRun", sa.Column("parentRunId", sa.Text(), nullable=True))
    op.add_column("WorkflowRun", sa.Column("parentNode", sa.Text(), nullable=True))
    op.create_index("WorkflowRun_parentRunId_idx", "WorkflowRun", ["parentRunId"])
    op.add_column("NodeState", sa.Column("calledFlowRunId", sa.Text(), nullable=True))
    op.create_index("NodeState_calledFlowRunId_idx", "NodeState", ["calledFlowRunId"])


def downgrade() -> None:
    raise NotImplementedError("records are never migrated backwards: restore a backup")
