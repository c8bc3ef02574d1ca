"""Runs of workflows, slots, agent runs, node states, logs and artifacts."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, Table, Text, text

from records.tables.columns import JSON_VALUE, NOW, RUN_STATUS, SERIAL, Moment, key, may, must, refer
from records.tables.schema import METADATA

_ZERO = text("0")
_UNFINISHED = text('"finishedAt" IS NULL')

WORKFLOW_RUN = Table(
    "WorkflowRun",
    METADATA,
    key(),
    refer("WorkflowRun", "workflowId", "Workflow.id", "RESTRICT"),
    must("trigger", Text),
    must("contextJson", JSON_VALUE),
    must("status", RUN_STATUS),
    must("startedAt", Moment, server_default=NOW),
    may("finishedAt", Moment),
    # Ours.
    may("flowRunId", Text),
    may("planDigest", Text),
    may("message", Text),
    may("triggeredBy", Text),
    must("triggeredByVerified", Boolean, server_default=text("false")),
    must("fencingToken", Integer, server_default=_ZERO),
    must("reopened", Integer, server_default=_ZERO),
    # What the `outputs` of the workflow gave; NULL for a run that failed, or of a workflow without.
    may("outputJson", JSON_VALUE),
    # Sandbox backend and versions of what executed it last; NULL before that.
    may("executedBy", JSON_VALUE),
    # Nodes that a person wants to run again, until an execution begins to do so.
    may("rerunNodes", JSON_VALUE),
    # The run, and the node of it, that called this one; no reference, as retention deletes either first.
    may("parentRunId", Text),
    may("parentNode", Text),
    # By the platform's key: which plan it takes, and what started it.
    may("signature", Text),
    Index("WorkflowRun_workflowId_status_idx", "workflowId", "status"),
    Index("WorkflowRun_startedAt_idx", "startedAt"),
    Index("WorkflowRun_flowRunId_key", "flowRunId", unique=True),
    Index("WorkflowRun_status_idx", "status"),
    Index("WorkflowRun_parentRunId_idx", "parentRunId"),
    Index("WorkflowRun_unfinished_idx", "startedAt", postgresql_where=_UNFINISHED, sqlite_where=_UNFINISHED),
    Index("WorkflowRun_workflowId_startedAt_idx", "workflowId", "startedAt"),
)

# A run of a workflow with `concurrency`: it holds one of the slots of its key, or waits for one.
RUN_SLOT = Table(
    "RunSlot",
    METADATA,
    # The order of the requests, which decides where two arrived at the same time.
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    refer("RunSlot", "workflowRunId", "WorkflowRun.id", "CASCADE"),
    refer("RunSlot", "workflowId", "Workflow.id", "CASCADE"),
    # Digest of what the key's template gave; empty without a template.
    must("key", Text),
    must("limit", Integer),
    must("askedAt", Moment, server_default=NOW),
    # When that came which started the run, in microseconds since 1970: slots are granted in this order.
    must("arrival", BigInteger, server_default=_ZERO),
    # When its slot was granted; NULL while it waits.
    may("heldAt", Moment),
    Index("RunSlot_workflowRunId_key", "workflowRunId", unique=True),
    Index("RunSlot_workflowId_key_idx", "workflowId", "key"),
)

AGENT_RUN = Table(
    "AgentRun",
    METADATA,
    key(),
    refer("AgentRun", "agentId", "Agent.id", "RESTRICT"),
    refer("AgentRun", "workflowRunId", "WorkflowRun.id", "SET NULL", nullable=True),
    must("inputJson", JSON_VALUE),
    may("outputJson", JSON_VALUE),
    must("status", RUN_STATUS),
    may("error", Text),
    must("startedAt", Moment, server_default=NOW),
    may("finishedAt", Moment),
    may("durationMs", Integer),
    # Ours.
    may("nodeKey", Text),
    may("item", Integer),
    must("attempt", Integer, server_default=text("1")),
    may("idempotencyKey", Text),
    may("failureKind", Text),
    may("exitCode", Integer),
    may("limits", JSON_VALUE),
    may("deniedEgress", JSON_VALUE),
    may("artifacts", JSON_VALUE),
    may("logTail", Text),
    may("action", Text),
    may("agentVersion", Text),
    # What its processes used at most, and in all.
    may("memoryKb", Integer),
    may("cpuMs", Integer),
    # Calls of models, as the agent tells them: calls, inputTokens, outputTokens, costUsd.
    may("modelUse", JSON_VALUE),
    Index("AgentRun_agentId_status_idx", "agentId", "status"),
    Index("AgentRun_workflowRunId_idx", "workflowRunId"),
    Index("AgentRun_startedAt_idx", "startedAt"),
)

NODE_STATE = Table(
    "NodeState",
    METADATA,
    key(),
    refer("NodeState", "workflowRunId", "WorkflowRun.id", "CASCADE"),
    must("nodeKey", Text),
    # -1 for a node without `foreach`: NULLs would not be unique.
    must("item", Integer, server_default=text("-1")),
    must("state", Text),
    may("reason", Text),
    must("attempt", Integer, server_default=_ZERO),
    # How often it had ended well before a person had it run again: what it does once more has a key of its own.
    must("timesDone", Integer, server_default=_ZERO),
    refer("NodeState", "agentRunId", "AgentRun.id", "SET NULL", nullable=True),
    may("outputJson", JSON_VALUE),
    must("updatedAt", Moment),
    # Prefect's id of the run that the node called, or calls.
    may("calledFlowRunId", Text),
    Index("NodeState_calledFlowRunId_idx", "calledFlowRunId"),
    Index("NodeState_state_calledFlowRunId_idx", "state", "calledFlowRunId"),
    Index("NodeState_workflowRunId_nodeKey_item_key", "workflowRunId", "nodeKey", "item", unique=True),
)

# What an agent proposed before anybody was asked: the effect that its gate shows.
PROPOSAL = Table(
    "Proposal",
    METADATA,
    key(),
    refer("Proposal", "workflowRunId", "WorkflowRun.id", "CASCADE"),
    must("nodeKey", Text),
    must("item", Integer, server_default=text("-1")),
    # Digest of run, node, item and all that the agent was given: for other work another proposal is made.
    must("key", Text),
    must("effect", Text),
    # NULL where the agent failed; then `error` says why.
    may("resultJson", JSON_VALUE),
    may("error", Text),
    may("durationMs", Integer),
    may("logTail", Text),
    may("modelUse", JSON_VALUE),
    must("proposedAt", Moment),
    Index("Proposal_workflowRunId_nodeKey_idx", "workflowRunId", "nodeKey"),
)

ARTIFACT = Table(
    "Artifact",
    METADATA,
    key(),
    refer("Artifact", "workflowRunId", "WorkflowRun.id", "SET NULL", nullable=True),
    may("projectId", Integer),
    must("sha256", Text),
    must("name", Text),
    must("mediaType", Text),
    must("size", Integer),
    must("content", LargeBinary),
    must("createdAt", Moment, server_default=NOW),
    Index("Artifact_sha256_name_workflowRunId_key", "sha256", "name", "workflowRunId", unique=True),
    Index("Artifact_workflowRunId_idx", "workflowRunId"),
)

# What agents wrote, in the order in which it was kept.
RUN_LOG = Table(
    "RunLog",
    METADATA,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    refer("RunLog", "workflowRunId", "WorkflowRun.id", "CASCADE"),
    must("nodeKey", Text),
    may("item", Integer),
    must("attempt", Integer),
    must("at", Moment),
    must("level", Text),
    must("message", Text),
    Index("RunLog_workflowRunId_id_idx", "workflowRunId", "id"),
)
