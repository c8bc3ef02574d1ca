"""The seven tables as Prisma makes them; those that a Prisma service made already are left alone."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import SchemaItem

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ENUMS = {
    "AgentType": ("LLM", "RULE", "API", "SCRIPT"),
    "RiskLevel": ("AUTO", "APPROVAL_REQUIRED"),
    "RunStatus": ("PENDING", "RUNNING", "SUCCESS", "FAILED", "WAITING_APPROVAL"),
    "WorkflowStatus": ("ACTIVE", "DRAFT", "ARCHIVED"),
    "ApprovalStatus": ("PENDING", "APPROVED", "REJECTED"),
}
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
LIST = sa.JSON().with_variant(postgresql.ARRAY(sa.Text()), "postgresql")
TIME = sa.DateTime().with_variant(postgresql.TIMESTAMP(precision=3), "postgresql")
NOW = sa.text("CURRENT_TIMESTAMP")


def upgrade() -> None:
    bind = op.get_bind()
    present = set(sa.inspect(bind).get_table_names())
    if bind.dialect.name == "postgresql":
        for name, values in ENUMS.items():
            postgresql.ENUM(*values, name=name).create(bind, checkfirst=True)
    for name, (columns, indexes) in _tables().items():
        if name in present:
            continue
        op.create_table(name, *columns, sa.PrimaryKeyConstraint("id", name=f"{name}_pkey"))
        for unique, *names in indexes:
            op.create_index(f"{name}_{'_'.join(names)}_{'key' if unique else 'idx'}", name, names, unique=unique)


def downgrade() -> None:
    raise NotImplementedError("records are never migrated backwards: restore a backup")


def _tables() -> dict[str, tuple[list[SchemaItem], list[tuple[bool, *tuple[str, ...]]]]]:
    """Name -> columns and foreign keys, and the indexes (unique or not, columns)."""
    return {
        "Agent": (_agent(), [(True, "projectId", "name"), (False, "projectId", "type")]),
        "AgentCapability": (_capability(), [(True, "agentId", "name")]),
        "Workflow": (_workflow(), [(True, "projectId", "name"), (False, "projectId", "status")]),
        "WorkflowNode": (_node(), [(False, "workflowId")]),
        "WorkflowRun": (_workflow_run(), [(False, "workflowId", "status"), (False, "startedAt")]),
        "AgentRun": (_agent_run(), [(False, "agentId", "status"), (False, "workflowRunId")]),
        "WorkflowApproval": (_approval(), [(False, "workflowRunId", "status")]),
    }


def _agent() -> list[SchemaItem]:
    return [
        _must("id", sa.Text()),
        _must("projectId", sa.Integer()),
        _must("name", sa.Text()),
        _must("type", _enum("AgentType")),
        _may("description", sa.Text()),
        _must("entryPath", sa.Text()),
        _must("version", sa.Text()),
        _must("riskLevel", _enum("RiskLevel")),
        _must("registeredAt", TIME, NOW),
        _must("updatedAt", TIME),
    ]


def _capability() -> list[SchemaItem]:
    return [
        _must("id", sa.Text()),
        _must("agentId", sa.Text()),
        _must("name", sa.Text()),
        _may("description", sa.Text()),
        _must("inputSchema", JSON),
        _must("outputSchema", JSON),
        _refer("AgentCapability", "agentId", "Agent", "CASCADE"),
    ]


def _workflow() -> list[SchemaItem]:
    return [
        _must("id", sa.Text()),
        _must("projectId", sa.Integer()),
        _must("name", sa.Text()),
        _may("description", sa.Text()),
        _must("trigger", JSON),
        _must("status", _enum("WorkflowStatus")),
        _must("createdAt", TIME, NOW),
        _must("updatedAt", TIME),
    ]


def _node() -> list[SchemaItem]:
    return [
        _must("id", sa.Text()),
        _must("workflowId", sa.Text()),
        _must("agentId", sa.Text()),
        _must("action", sa.Text()),
        _must("inputsJson", JSON),
        _may("dependsOn", LIST),
        _must("approvalRequired", sa.Boolean(), sa.text("false")),
        _refer("WorkflowNode", "workflowId", "Workflow", "CASCADE"),
        _refer("WorkflowNode", "agentId", "Agent", "RESTRICT"),
    ]


def _workflow_run() -> list[SchemaItem]:
    return [
        _must("id", sa.Text()),
        _must("workflowId", sa.Text()),
        _must("trigger", sa.Text()),
        _must("contextJson", JSON),
        _must("status", _enum("RunStatus")),
        _must("startedAt", TIME, NOW),
        _may("finishedAt", TIME),
        _refer("WorkflowRun", "workflowId", "Workflow", "RESTRICT"),
    ]


def _agent_run() -> list[SchemaItem]:
    return [
        _must("id", sa.Text()),
        _must("agentId", sa.Text()),
        _may("workflowRunId", sa.Text()),
        _must("inputJson", JSON),
        _may("outputJson", JSON),
        _must("status", _enum("RunStatus")),
        _may("error", sa.Text()),
        _must("startedAt", TIME, NOW),
        _may("finishedAt", TIME),
        _may("durationMs", sa.Integer()),
        _refer("AgentRun", "agentId", "Agent", "RESTRICT"),
        _refer("AgentRun", "workflowRunId", "WorkflowRun", "SET NULL"),
    ]


def _approval() -> list[SchemaItem]:
    return [
        _must("id", sa.Text()),
        _must("workflowRunId", sa.Text()),
        _must("nodeId", sa.Text()),
        _must("status", _enum("ApprovalStatus")),
        _must("requestedAt", TIME, NOW),
        _may("respondedAt", TIME),
        _may("respondedBy", sa.Text()),
        _may("notes", sa.Text()),
        _refer("WorkflowApproval", "workflowRunId", "WorkflowRun", "RESTRICT"),
    ]


def _enum(name: str) -> Any:
    native = postgresql.ENUM(*ENUMS[name], name=name, create_type=False)
    return sa.Enum(*ENUMS[name], name=name).with_variant(native, "postgresql")


def _must(name: str, type_: Any, default: Any = None) -> sa.Column[Any]:
    return sa.Column(name, type_, nullable=False, server_default=default)


def _may(name: str, type_: Any) -> sa.Column[Any]:
    return sa.Column(name, type_, nullable=True)


def _refer(table: str, column: str, target: str, on_delete: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{target}.id"], name=f"{table}_{column}_fkey", ondelete=on_delete, onupdate="CASCADE"
    )
