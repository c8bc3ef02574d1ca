"""Versions and drafts of workflows, what came in, what changed, the agents' logs, and settled dead letters."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0012"
branch_labels = None
depends_on = None

JSON_VALUE = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
MOMENT = sa.DateTime().with_variant(postgresql.TIMESTAMP(precision=3), "postgresql")
SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")
NOW = sa.text("CURRENT_TIMESTAMP")


def _must(name: str, type_: Any, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, type_, nullable=False, **options)


def _may(name: str, type_: Any) -> sa.Column[Any]:
    return sa.Column(name, type_, nullable=True)


def _refer(table: str, column: str, target: str) -> sa.Column[Any]:
    name = f"{table}_{column}_fkey"
    reference = sa.ForeignKey(target, name=name, ondelete="CASCADE", onupdate="CASCADE")
    return sa.Column(column, sa.Text, reference, nullable=False)


def upgrade() -> None:
    op.create_table(
        "WorkflowVersion",
        _must("id", sa.Text),
        _refer("WorkflowVersion", "workflowId", "Workflow.id"),
        _must("number", sa.Integer),
        _must("planDigest", sa.Text),
        _may("sourceText", sa.Text),
        _may("savedBy", sa.Text),
        _must("savedAt", MOMENT, server_default=NOW),
        sa.PrimaryKeyConstraint("id", name="WorkflowVersion_pkey"),
    )
    op.create_index(
        "WorkflowVersion_workflowId_number_key", "WorkflowVersion", ["workflowId", "number"], unique=True
    )
    op.create_table(
        "WorkflowDraft",
        _must("projectId", sa.Integer, autoincrement=False),
        _must("name", sa.Text),
        _must("sourceText", sa.Text),
        _may("baseETag", sa.Text),
        _must("updatedBy", sa.Text),
        _must("updatedAt", MOMENT),
        sa.PrimaryKeyConstraint("projectId", "name", name="WorkflowDraft_pkey"),
    )
    op.create_table(
        "ReceivedEvent",
        _must("id", sa.Text),
        _must("stream", sa.Text),
        _must("sequence", sa.BigInteger),
        _may("projectId", sa.Integer),
        _must("subject", sa.Text),
        _must("payload", sa.LargeBinary),
        _must("outcome", sa.Text),
        _must("looked", JSON_VALUE),
        _must("receivedAt", MOMENT, server_default=NOW),
        sa.PrimaryKeyConstraint("id", name="ReceivedEvent_pkey"),
    )
    op.create_index("ReceivedEvent_stream_sequence_key", "ReceivedEvent", ["stream", "sequence"], unique=True)
    op.create_index("ReceivedEvent_projectId_receivedAt_idx", "ReceivedEvent", ["projectId", "receivedAt"])
    op.create_table(
        "Change",
        sa.Column("id", SERIAL, autoincrement=True, nullable=False),
        _must("projectId", sa.Integer),
        _must("type", sa.Text),
        _must("ref", sa.Text),
        _may("runId", sa.Text),
        _must("at", MOMENT, server_default=NOW),
        sa.PrimaryKeyConstraint("id", name="Change_pkey"),
    )
    op.create_index("Change_projectId_id_idx", "Change", ["projectId", "id"])
    op.create_index("Change_at_idx", "Change", ["at"])
    op.create_table(
        "RunLog",
        sa.Column("id", SERIAL, autoincrement=True, nullable=False),
        _refer("RunLog", "workflowRunId", "WorkflowRun.id"),
        _must("nodeKey", sa.Text),
        _may("item", sa.Integer),
        _must("attempt", sa.Integer),
        _must("at", MOMENT),
        _must("level", sa.Text),
        _must("message", sa.Text),
        sa.PrimaryKeyConstraint("id", name="RunLog_pkey"),
    )
    op.create_index("RunLog_workflowRunId_id_idx", "RunLog", ["workflowRunId", "id"])
    op.add_column("WorkflowRun", _may("rerunNodes", JSON_VALUE))
    for column in (_may("settledAs", sa.Text), _may("settledBy", sa.Text), _may("settledAt", MOMENT)):
        op.add_column("DeadLetter", column)


def downgrade() -> None:
    raise NotImplementedError("records are never migrated backwards: restore a backup")
