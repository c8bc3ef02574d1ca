"""The plan: what a checked workflow will do, as frozen, JSON-able data with a digest.

A run holds on to the digest of the plan it started with; editing the YAML makes another plan and leaves running
work alone.
"""

from __future__ import annotations

import hashlib
from typing import Any, Literal, NewType

import rfc8785
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from compiler.catalogue import AgentType, Effect, RiskLevel

PlanDigest = NewType("PlanDigest", str)
"""`sha256:` and 64 hex digits, over the plan's canonical JSON (RFC 8785)."""
NodeId = NewType("NodeId", str)

DEFAULT_TIMEOUT_SECONDS = 300
MAX_TIMEOUT_SECONDS = 1800
DEFAULT_MEMORY_MB = 512


def digest_of(value: Any) -> str:
    """`sha256:<hex>` over the canonical JSON of `value` (JSON data only)."""
    return "sha256:" + hashlib.sha256(rfc8785.dumps(value)).hexdigest()


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class EventTrigger(_Frozen):
    """Starts the workflow for each matching NATS message."""

    kind: Literal["event"] = "event"
    event: str
    """NATS subject; `*` and `>` as in NATS."""
    filters: dict[str, JsonValue] = Field(default_factory=dict)
    """Field of the event (dotted path) -> glob, value, list of values or comparison."""
    expression: str | None = None
    """A condition over `context`; None: always."""


Missed = Literal["skip", "once", "all"]
"""Runs that were missed: none of them begins, the newest, or each in its order."""


class ScheduleTrigger(_Frozen):
    """Starts the workflow at times given by cron."""

    kind: Literal["schedule"] = "schedule"
    cron: str
    timezone: str = "UTC"
    # Left out of the JSON where it is the default: plans from before it keep their digest.
    missed: Missed = Field(default="once", exclude_if=lambda missed: missed == "once")
    """What becomes of runs that could not begin when they were due."""


class ManualTrigger(_Frozen):
    """Starts the workflow when a person or a program asks for it, with values of declared types."""

    kind: Literal["manual"] = "manual"
    context: dict[str, JsonValue] | None = None
    """JSON Schema of what is given; a field with a `default` may be left out. None: anything may be given."""


Trigger = EventTrigger | ScheduleTrigger | ManualTrigger
"""What starts a workflow; `compiler.trigger_types.registry` knows how each kind behaves."""


class Retries(_Frozen):
    """How often a node that failed for a passing reason is tried again."""

    max: int = 0
    backoff_seconds: float = 1.0
    """Delay before the first retry; doubled for each further one."""
    jitter: float = 0.5
    """Share of the delay that is random, 0 to 1."""


class ApprovalRule(_Frozen):
    """Who may open a node's gate, and what happens when nobody does."""

    approvers: tuple[str, ...] = ()
    """Names that may decide; empty: anybody but who triggered the run."""
    quorum: int = 1
    deadline_seconds: int | None = None
    on_expiry: Literal["reject", "escalate", "approve"] = "reject"
    allow_self_approval: bool = False
    allow_unverified: bool = True
    """Whether a name typed into Prefect's form, which nobody verified, counts."""
    trusted_triggers: tuple[str, ...] = ()
    """Triggers whose runs pass this gate without asking; empty for every gate the workflow asks for itself."""


class Foreach(_Frozen):
    """Runs the node once for each item of a list."""

    items: JsonValue
    """A template that gives a list, or a list."""
    max_parallel: int = 4


CALL = "workflow"
"""Stands for the agent in a node that calls another workflow; the action is that workflow's name."""


class Call(_Frozen):
    """Another workflow that a node runs, in the version that it was checked against."""

    workflow: str
    plan: str
    """Digest of the version."""


class PlanNode(_Frozen):
    """One node of the workflow, with all that its execution depends on."""

    id: str
    agent: str
    agent_type: AgentType
    agent_version: str
    agent_digest: str = ""
    entry_path: str
    action: str
    description: str = ""
    effect: Effect | None = None
    risk: RiskLevel
    """The highest of agent, action, network and secrets."""
    inputs: dict[str, JsonValue]
    """Values and templates, as in the YAML."""
    input_schema: dict[str, JsonValue]
    output_schema: dict[str, JsonValue]
    result_schema: dict[str, JsonValue] | None = None
    depends_on: tuple[str, ...] = ()
    gate: ApprovalRule | None = None
    """None: runs without asking."""
    when: str | bool | None = None
    """Condition template; None: always. False means the node is skipped."""
    foreach: Foreach | None = None
    retries: Retries = Retries()
    timeout_seconds: int = DEFAULT_TIMEOUT_SECONDS
    memory_mb: int = DEFAULT_MEMORY_MB
    network: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    """Names of the secrets the node is given, as far as they exist."""
    required_secrets: tuple[str, ...] = ()
    """Those the workflow itself names: without one of them nothing is run."""
    settings: tuple[str, ...] = ()
    on_failure: str = "fail"
    """`fail`, `continue`, or `handler:<node id>`."""
    handler_only: bool = False
    """True for a node that runs only as another's failure handler."""
    calls: Call | None = Field(default=None, exclude_if=lambda calls: calls is None)
    """The workflow that it runs in place of an agent."""


class Concurrency(_Frozen):
    """How many runs of the workflow (or of one key of it) go on at once."""

    limit: int
    key: str | None = None
    """Template over `context`; runs with equal keys share the limit. None: the whole workflow."""
    on_conflict: Literal["queue", "skip", "cancel-older"] = "queue"


class Plan(_Frozen):
    """A checked workflow."""

    format: Literal[1] = 1
    name: str
    description: str = ""
    project_id: int
    status: Literal["ACTIVE", "DRAFT", "ARCHIVED"] = "ACTIVE"
    triggers: tuple[Trigger, ...] = ()
    trigger_source: JsonValue = None
    """The `trigger` of the YAML as it stands there, for the mirror's `Workflow.trigger`."""
    context_schema: dict[str, JsonValue] | None = None
    trusted_triggers: tuple[str, ...] = ()
    """Triggers that the `approvalPolicy` lets pass a gate, by name."""
    concurrency: Concurrency | None = None
    nodes: tuple[PlanNode, ...]
    """In topological order; equal ranks in the order of the file."""
    outputs: dict[str, JsonValue] = Field(default_factory=dict)
    output_schema: dict[str, JsonValue] | None = Field(default=None, exclude_if=lambda schema: schema is None)
    """The types of the outputs, for workflows that call this one; None for one without outputs, or an older plan."""

    @property
    def digest(self) -> PlanDigest:
        """SHA-256 over the canonical JSON: equal plans have equal digests, however the YAML was written."""
        return PlanDigest(digest_of(self.model_dump(mode="json")))

    def node(self, node_id: str) -> PlanNode:
        """The node of that id. Raises KeyError."""
        for node in self.nodes:
            if node.id == node_id:
                return node
        raise KeyError(node_id)
