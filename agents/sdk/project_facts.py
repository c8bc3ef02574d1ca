"""What the platform knows about a project: input of the compliance-checker.

An input field of this model is annotated `x-kind: facts`: the platform fills it from its records before the agent
starts. None means that the platform does not know; an audit counts that as missing evidence, not as good.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from agents.sdk.schema import Schema

_Count = Annotated[int, Field(ge=0)]


class AgentFacts(Schema):
    """A registered agent."""

    name: str
    type: str
    risk: str
    version: str
    network: list[str] = Field(default_factory=list[str])
    """`host:port` it may reach."""
    secrets: list[str] = Field(default_factory=list[str])
    """Names of the secrets it may be given."""
    code_digest: str | None = None


class NodeFacts(Schema):
    """A node of a workflow."""

    id: str
    agent: str
    action: str
    risk: str
    gated: bool
    """Whether a person has to approve it."""


class WorkflowFacts(Schema):
    """A workflow."""

    name: str
    status: str
    nodes: list[NodeFacts] = Field(default_factory=list[NodeFacts])
    trusted_triggers: list[str] = Field(default_factory=list[str])
    """Triggers that pass its gates without a person."""


class RunFacts(Schema):
    """Runs of the period looked at."""

    total: _Count = 0
    success: _Count = 0
    failed: _Count = 0
    waiting: _Count = 0


class ApprovalFacts(Schema):
    """Approvals of the period looked at."""

    total: _Count = 0
    pending: _Count = 0
    approved: _Count = 0
    rejected: _Count = 0
    unverified: _Count = 0
    """Decided under an unverified name."""
    self_approved: _Count = 0
    """Decided by the person who triggered the run."""
    oldest_pending_hours: float | None = Field(default=None, ge=0)


class AuditFacts(Schema):
    """The audit trail of approvals."""

    decisions: _Count = 0
    """Entries that record a decision."""
    append_only: bool | None = None
    """Whether the database refuses to change or remove entries."""


class DatabaseFacts(Schema):
    """Where the records are."""

    kind: Literal["sqlite", "postgresql"]
    encrypted_transport: bool | None = None
    backed_up: bool | None = None


class SandboxFacts(Schema):
    """What agents run in."""

    backend: str
    available: bool
    limits: dict[str, str] = Field(default_factory=dict[str, str])
    """Limit -> what enforces it."""


class SecretFacts(Schema):
    """How secrets are kept."""

    by_name: _Count = 0
    """Uses of a secret by its name."""
    in_plain: _Count | None = None
    """Values found in plans or records."""


class RetentionFacts(Schema):
    """How long records are kept, in days; None: for ever."""

    runs_days: _Count | None = None
    artifacts_days: _Count | None = None
    audit_days: _Count | None = None


class MessagingFacts(Schema):
    """The event bus."""

    encrypted: bool | None = None
    authenticated: bool | None = None


class PastAudit(Schema):
    """An audit of the project that ended well."""

    at: str
    """ISO 8601."""
    score: int = Field(ge=0, le=100)
    assessed: _Count = 0
    """Controls that the score counts."""
    standards: list[str] = Field(default_factory=list[str])
    """What it was an audit of; empty where that is not on record."""
    repository: bool | None = None
    """Whether a repository was looked at too; None where that is not on record."""


class ProjectFacts(Schema):
    """Everything; each part is None where the platform does not know it."""

    project_id: int
    collected_at: str = ""
    """ISO 8601."""
    agents: list[AgentFacts] | None = None
    workflows: list[WorkflowFacts] | None = None
    runs: RunFacts | None = None
    approvals: ApprovalFacts | None = None
    audit: AuditFacts | None = None
    database: DatabaseFacts | None = None
    sandbox: SandboxFacts | None = None
    secrets: SecretFacts | None = None
    retention: RetentionFacts | None = None
    messaging: MessagingFacts | None = None
    audits: list[PastAudit] | None = None
    """Oldest first."""
