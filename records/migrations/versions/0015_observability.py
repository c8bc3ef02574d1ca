"""Totals of metrics, spans to be exported, where runs came from, and what agents used."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

TIME = sa.DateTime().with_variant(postgresql.TIMESTAMP(precision=3), "postgresql")
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
NOW = sa.text("CURRENT_TIMESTAMP")


def upgrade() -> None:
    op.create_table(
        "MetricTotal",
        sa.Column("id", SERIAL, primary_key=True, autoincrement=True),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("bucket", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("sum", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
        sa.PrimaryKeyConstraint("id", name="MetricTotal_pkey"),
    )
    op.create_table(
        "Span",
        sa.Column("id", SERIAL, primary_key=True, autoincrement=True),
        sa.Column("spanId", sa.Text(), nullable=False),
        sa.Column("traceId", sa.Text(), nullable=False),
        sa.Column("content", JSON, nullable=False),
        sa.Column("createdAt", TIME, nullable=False, server_default=NOW),
        sa.Column("exportedAt", TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name="Span_pkey"),
    )
    op.create_index("Span_traceId_spanId_key", "Span", ["traceId", "spanId"], unique=True)
    waiting = sa.text('"exportedAt" IS NULL')
    op.create_index("Span_waiting_idx", "Span", ["id"], postgresql_where=waiting, sqlite_where=waiting)
    op.create_table(
        "RunOrigin",
        sa.Column("flowRunId", sa.Text(), nullable=False),
        sa.Column("receivedAt", TIME, nullable=False),
        sa.Column("traceparent", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("flowRunId", name="RunOrigin_pkey"),
    )
    op.add_column("AgentRun", sa.Column("action", sa.Text(), nullable=True))
    op.add_column("AgentRun", sa.Column("agentVersion", sa.Text(), nullable=True))
    op.add_column("AgentRun", sa.Column("memoryKb", sa.Integer(), nullable=True))
    op.add_column("AgentRun", sa.Column("cpuMs", sa.Integer(), nullable=True))
    op.add_column("Outbox", sa.Column("traceparent", sa.Text(), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("records are never migrated backwards: restore a backup")
