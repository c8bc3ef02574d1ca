"""Workflows, their nodes and versions, drafts, and the plans they are pinned to."""

from sqlalchemy import Boolean, Column, Index, Integer, Table, Text, text

from records.tables.columns import JSON_VALUE, NOW, TEXT_LIST, WORKFLOW_STATUS, Moment, key, may, must, refer
from records.tables.schema import METADATA

WORKFLOW = Table(
    "Workflow",
    METADATA,
    key(),
    must("projectId", Integer),
    must("name", Text),
    may("description", Text),
    must("trigger", JSON_VALUE),
    must("status", WORKFLOW_STATUS),
    must("createdAt", Moment, server_default=NOW),
    must("updatedAt", Moment),
    # Ours.
    may("approvalPolicy", JSON_VALUE),
    may("planDigest", Text),
    may("source", Text),
    # Digest of the text in that file when it was deployed last.
    may("fileDigest", Text),
    Index("Workflow_projectId_name_key", "projectId", "name", unique=True),
    Index("Workflow_projectId_status_idx", "projectId", "status"),
)

WORKFLOW_NODE = Table(
    "WorkflowNode",
    METADATA,
    key(),
    refer("WorkflowNode", "workflowId", "Workflow.id", "CASCADE"),
    refer("WorkflowNode", "agentId", "Agent.id", "RESTRICT"),
    must("action", Text),
    must("inputsJson", JSON_VALUE),
    may("dependsOn", TEXT_LIST),
    must("approvalRequired", Boolean, server_default=text("false")),
    # Ours: the node's id in the YAML. `id` and `dependsOn` are database ids, as the mission's engine reads them.
    may("key", Text),
    Index("WorkflowNode_workflowId_idx", "workflowId"),
    Index("WorkflowNode_workflowId_key_key", "workflowId", "key", unique=True),
)

PLAN = Table(
    "Plan",
    METADATA,
    Column("digest", Text, primary_key=True),
    must("projectId", Integer),
    must("name", Text),
    # Text, not JSON: jsonb would rewrite numbers and key order, and the digest is over exactly this.
    must("content", Text),
    must("createdAt", Moment, server_default=NOW),
    # By the platform's key, here and below: see `records.database.signed_plans`.
    may("signature", Text),
    Index("Plan_projectId_name_idx", "projectId", "name"),
)

# Each deployed text of a workflow, comments and all.
WORKFLOW_VERSION = Table(
    "WorkflowVersion",
    METADATA,
    key(),
    refer("WorkflowVersion", "workflowId", "Workflow.id", "CASCADE"),
    # 1 is the oldest.
    must("number", Integer),
    must("planDigest", Text),
    # NULL where only the plan came, not the file.
    may("sourceText", Text),
    may("savedBy", Text),
    must("savedAt", Moment, server_default=NOW),
    may("signature", Text),
    Index("WorkflowVersion_workflowId_number_key", "workflowId", "number", unique=True),
)

# A text that is being written; it need not compile.
WORKFLOW_DRAFT = Table(
    "WorkflowDraft",
    METADATA,
    Column("projectId", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, primary_key=True),
    must("sourceText", Text),
    # Of the saved text it began from; NULL for a new workflow.
    may("baseETag", Text),
    must("updatedBy", Text),
    must("updatedAt", Moment),
)
