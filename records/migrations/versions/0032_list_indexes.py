"""Indexes of the lists: each reads a page of rows, however many are on record."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0018"
branch_labels = None
depends_on = None

UNFINISHED = sa.text('"finishedAt" IS NULL')


def upgrade() -> None:
    op.create_index(
        "WorkflowRun_unfinished_idx",
        "WorkflowRun",
        ["startedAt"],
        postgresql_where=UNFINISHED,
        sqlite_where=UNFINISHED,
    )
    op.create_index("WorkflowRun_workflowId_startedAt_idx", "WorkflowRun", ["workflowId", "startedAt"])
    op.create_index("WorkflowApproval_requestedAt_idx", "WorkflowApproval", ["requestedAt"])
    op.create_index("AgentRun_startedAt_idx", "AgentRun", ["startedAt"])
    op.create_index("NodeState_state_calledFlowRunId_idx", "NodeState", ["state", "calledFlowRunId"])
    op.create_index("DeadLetter_projectId_createdAt_idx", "DeadLetter", ["projectId", "createdAt"])
    op.create_index("DeadLetter_createdAt_idx", "DeadLetter", ["createdAt"])


def downgrade() -> None:
    op.drop_index("DeadLetter_createdAt_idx", "DeadLetter")
    op.drop_index("DeadLetter_projectId_createdAt_idx", "DeadLetter")
    op.drop_index("NodeState_state_calledFlowRunId_idx", "NodeState")
    op.drop_index("AgentRun_startedAt_idx", "AgentRun")
    op.drop_index("WorkflowApproval_requestedAt_idx", "WorkflowApproval")
    op.drop_index("WorkflowRun_workflowId_startedAt_idx", "WorkflowRun")
    op.drop_index("WorkflowRun_unfinished_idx", "WorkflowRun")
