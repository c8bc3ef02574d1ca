"""Our columns on the mission's tables, each optional or with a default, and the tables that are only ours."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import SchemaItem

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
TIME = sa.DateTime().with_variant(postgresql.TIMESTAMP(precision=3), "postgresql")
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
RISK = sa.Enum("AUTO", "APPROVAL_REQUIRED", name="RiskLevel").with_variant(
    postgresql.ENUM("AUTO", "APPROVAL_REQUIRED", name="RiskLevel", create_type=False), "postgresql"
)
NOW = sa.text("CURRENT_TIMESTAMP")
ZERO = sa.text("0")
EMPTY = sa.text("''")
NO_ITEMS = sa.text("'[]'")
FALSE = sa.text("false")


def upgrade() -> None:
    for table, columns in _columns().items():
        for column in columns:
            op.add_column(table, column)
    _create_tables()
    _create_indexes()
    _make_append_only("ApprovalAudit")


def downgrade() -> None:
    raise NotImplementedError("records are never migrated backwards: restore a backup")


def _columns() -> dict[str, list[sa.Column[Any]]]:
    return {
        "Agent": [
            _must("network", JSON, NO_ITEMS),
            _must("secrets", JSON, NO_ITEMS),
            _must("settings", JSON, NO_ITEMS),
            _must("memoryMb", sa.Integer(), sa.text("512")),
            _must("timeoutSeconds", sa.Integer(), sa.text("300")),
            _must("codeDigest", sa.Text(), EMPTY),
        ],
        "AgentCapability": [_may("resultSchema", JSON), _may("riskLevel", RISK), _may("effect", sa.Text())],
        "Workflow": [_may("approvalPolicy", JSON), _may("planDigest", sa.Text())],
        "WorkflowNode": [_may("key", sa.Text())],
        "WorkflowRun": [
            *(_may(name, sa.Text()) for name in ("flowRunId", "planDigest", "message", "triggeredBy")),
            _must("triggeredByVerified", sa.Boolean(), FALSE),
            _must("lease", sa.Integer(), ZERO),
            _must("reopened", sa.Integer(), ZERO),
        ],
        "AgentRun": [
            _may("nodeKey", sa.Text()),
            _may("item", sa.Integer()),
            _must("attempt", sa.Integer(), sa.text("1")),
            _may("idempotencyKey", sa.Text()),
            _may("failureKind", sa.Text()),
            _may("exitCode", sa.Integer()),
            *(_may(name, JSON) for name in ("limits", "deniedEgress", "artifacts")),
            _may("logTail", sa.Text()),
        ],
        "WorkflowApproval": [
            *(_may(name, sa.Text()) for name in ("nodeKey", "digest", "baseDigest")),
            *(_may(name, JSON) for name in ("card", "rule", "edits")),
            _may("deadline", TIME),
            _must("verified", sa.Boolean(), FALSE),
            *(_may(name, sa.Text()) for name in ("way", "closedAs")),
            *(_may(name, TIME) for name in ("supersededAt", "escalatedAt", "remindedAt")),
        ],
    }


def _create_tables() -> None:
    op.create_table(
        "Plan",
        _must("digest", sa.Text()),
        _must("projectId", sa.Integer()),
        _must("name", sa.Text()),
        _must("content", sa.Text()),
        _must("createdAt", TIME, NOW),
        sa.PrimaryKeyConstraint("digest", name="Plan_pkey"),
    )
    _table(
        "NodeState",
        _must("workflowRunId", sa.Text()),
        _must("nodeKey", sa.Text()),
        _must("item", sa.Integer(), sa.text("-1")),
        _must("state", sa.Text()),
        _may("reason", sa.Text()),
        _must("attempt", sa.Integer(), ZERO),
        _may("agentRunId", sa.Text()),
        _may("outputJson", JSON),
        _must("updatedAt", TIME),
        _refer("NodeState", "workflowRunId", "WorkflowRun", "CASCADE"),
        _refer("NodeState", "agentRunId", "AgentRun", "SET NULL"),
    )
    _table(
        "Artifact",
        _may("workflowRunId", sa.Text()),
        _may("projectId", sa.Integer()),
        _must("sha256", sa.Text()),
        _must("name", sa.Text()),
        _must("mediaType", sa.Text()),
        _must("size", sa.Integer()),
        _must("content", sa.LargeBinary()),
        _must("createdAt", TIME, NOW),
        _refer("Artifact", "workflowRunId", "WorkflowRun", "SET NULL"),
    )
    _create_approval_tables()
    _create_event_tables()


def _create_approval_tables() -> None:
    _table(
        "ApprovalVote",
        _must("approvalId", sa.Text()),
        _must("voter", sa.Text()),
        _must("name", sa.Text()),
        _must("verified", sa.Boolean()),
        _must("way", sa.Text()),
        _may("notes", sa.Text()),
        _must("votedAt", TIME, NOW),
        _refer("ApprovalVote", "approvalId", "WorkflowApproval", "CASCADE"),
    )
    _numbered(
        "ApprovalAudit",
        _must("approvalId", sa.Text()),
        _must("workflowRunId", sa.Text()),
        _must("nodeKey", sa.Text()),
        _must("projectId", sa.Integer()),
        _must("event", sa.Text()),
        _may("by", sa.Text()),
        _must("verified", sa.Boolean(), FALSE),
        *(_may(name, sa.Text()) for name in ("way", "digest", "notes")),
        _must("at", TIME, NOW),
    )


def _create_event_tables() -> None:
    _numbered(
        "Outbox",
        _must("messageId", sa.Text()),
        _must("projectId", sa.Integer()),
        _must("subject", sa.Text()),
        _must("payload", JSON),
        _must("createdAt", TIME, NOW),
        _may("publishedAt", TIME),
    )
    _table(
        "ProcessedEvent",
        _must("stream", sa.Text()),
        _must("sequence", sa.BigInteger()),
        _must("workflow", sa.Text(), EMPTY),
        _may("projectId", sa.Integer()),
        _must("subject", sa.Text()),
        _may("flowRunId", sa.Text()),
        _must("processedAt", TIME, NOW),
    )
    _table(
        "DeadLetter",
        _must("stream", sa.Text()),
        _must("sequence", sa.BigInteger()),
        _may("projectId", sa.Integer()),
        _must("subject", sa.Text()),
        _must("payload", sa.LargeBinary()),
        _must("reason", sa.Text()),
        _must("deliveries", sa.Integer(), ZERO),
        _must("createdAt", TIME, NOW),
    )


def _create_indexes() -> None:
    for table, *columns in (
        ("WorkflowNode", "workflowId", "key"),
        ("WorkflowRun", "flowRunId"),
        ("NodeState", "workflowRunId", "nodeKey", "item"),
        ("Artifact", "sha256", "name", "workflowRunId"),
        ("ApprovalVote", "approvalId", "voter"),
        ("Outbox", "messageId"),
        ("ProcessedEvent", "stream", "sequence", "workflow"),
        ("DeadLetter", "stream", "sequence"),
    ):
        op.create_index(f"{table}_{'_'.join(columns)}_key", table, columns, unique=True)
    for table, *columns in (
        ("Plan", "projectId", "name"),
        ("WorkflowRun", "status"),
        ("Artifact", "workflowRunId"),
        ("WorkflowApproval", "status", "deadline"),
        ("ApprovalAudit", "approvalId"),
        ("ApprovalAudit", "workflowRunId"),
    ):
        op.create_index(f"{table}_{'_'.join(columns)}_idx", table, columns)
    _partial("WorkflowApproval_workflowRunId_nodeKey_current_key", '"supersededAt" IS NULL', unique=True)
    _partial("Outbox_unpublished_idx", '"publishedAt" IS NULL', unique=False)


def _partial(name: str, where: str, *, unique: bool) -> None:
    table, columns = ("WorkflowApproval", ["workflowRunId", "nodeKey"]) if unique else ("Outbox", ["id"])
    condition = sa.text(where)
    op.create_index(name, table, columns, unique=unique, postgresql_where=condition, sqlite_where=condition)


def _make_append_only(table: str) -> None:
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f'CREATE TRIGGER "{table}_no_{verb.lower()}" BEFORE {verb} ON "{table}" '
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        return
    op.execute(
        f'CREATE FUNCTION "{table}_refuse"() RETURNS trigger LANGUAGE plpgsql AS '
        f"$$ BEGIN RAISE EXCEPTION '{table} is append-only'; END $$"
    )
    op.execute(
        f'CREATE TRIGGER "{table}_append_only" BEFORE UPDATE OR DELETE OR TRUNCATE ON "{table}" '
        f'FOR EACH STATEMENT EXECUTE FUNCTION "{table}_refuse"()'
    )


def _table(name: str, *items: SchemaItem) -> None:
    op.create_table(name, _must("id", sa.Text()), *items, sa.PrimaryKeyConstraint("id", name=f"{name}_pkey"))


def _numbered(name: str, *items: SchemaItem) -> None:
    number = sa.Column("id", SERIAL, autoincrement=True, nullable=False)
    # AUTOINCREMENT: SQLite may else give the number of a deleted last row again.
    key = sa.PrimaryKeyConstraint("id", name=f"{name}_pkey")
    op.create_table(name, number, *items, key, sqlite_autoincrement=True)


def _must(name: str, type_: Any, default: Any = None) -> sa.Column[Any]:
    return sa.Column(name, type_, nullable=False, server_default=default)


def _may(name: str, type_: Any) -> sa.Column[Any]:
    return sa.Column(name, type_, nullable=True)


def _refer(table: str, column: str, target: str, on_delete: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{target}.id"], name=f"{table}_{column}_fkey", ondelete=on_delete, onupdate="CASCADE"
    )
