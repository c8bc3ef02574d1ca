"""Values: a run of a workflow, an agent run in it, and the result of a node."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

RunStatus = Literal["PENDING", "RUNNING", "SUCCESS", "FAILED", "WAITING_APPROVAL"]
OpenStatus = Literal["PENDING", "RUNNING", "WAITING_APPROVAL"]
EndStatus = Literal["SUCCESS", "FAILED"]
NodeStatus = Literal["SUCCESS", "FAILED", "SKIPPED"]


@dataclass(frozen=True, kw_only=True)
class Run:
    """One row of WorkflowRun."""

    id: str
    workflow_id: str
    workflow_name: str
    project_id: int
    trigger: str
    """What started it: a NATS subject, `schedule`, `manual`, …"""
    context: dict[str, Any]
    status: RunStatus
    message: str
    """Why it ended; empty while it runs."""
    started_at: datetime
    finished_at: datetime | None
    flow_run_id: str | None
    """Prefect's id of it."""
    plan_digest: str | None
    triggered_by: str | None
    """Who started it, by name; None for an event or a schedule."""
    reopened: int
    """How often a person retried it after it FAILED."""
    outputs: Any
    """What the workflow's `outputs` gave, by name; None for a run that has not ended well, a workflow without, and in
    lists."""
    fencing_token: int
    """Fencing token of the last process that took the run over; writes with older ones are refused."""
    executed_by: dict[str, str] = field(default_factory=dict[str, str])
    """Sandbox backend and versions of what executed it last, by name; empty before that."""
    rerun_nodes: tuple[str, ...] | None = None
    """Nodes that a person wants to run again, as long as no execution has begun to do so."""
    parent_run_id: str | None = None
    """The run of which a node called this one."""
    parent_node: str | None = None


@dataclass(frozen=True, kw_only=True)
class AgentRun:
    """One row of AgentRun: one attempt of one node (or of one item of it)."""

    id: str
    run_id: str | None
    """None: an agent run by itself."""
    agent_name: str
    node_id: str | None
    item: int | None
    attempt: int
    status: RunStatus
    inputs: Any
    output: Any
    error: str | None
    failure_kind: str | None
    idempotency_key: str | None
    started_at: datetime
    finished_at: datetime | None
    duration_ms: int | None
    exit_code: int | None = None
    limits: dict[str, str] = field(default_factory=dict[str, str])
    denied_egress: tuple[str, ...] = ()
    artifacts: tuple[str, ...] = ()
    log_tail: str = ""
    memory_kb: int | None = None
    """What its largest process used at most."""
    cpu_ms: int | None = None
    """Processor time of all its processes."""
    model_use: dict[str, float] = field(default_factory=dict[str, float])
    """Calls of models as the agent tells them: `calls`, `inputTokens`, `outputTokens`, `costUsd`."""


@dataclass(frozen=True, kw_only=True)
class NodeResult:
    """How a node (or one item of it) ended. Re-runs use it instead of running the node again."""

    node_id: str
    item: int | None
    """Index in `foreach`; None for a node without, and for the node as a whole."""
    status: NodeStatus
    output: Any
    reason: str | None
    """Why it failed or was skipped."""
    attempt: int
    agent_run_id: str | None
    """None for a skipped node, and for a `foreach` node as a whole."""
    updated_at: datetime
