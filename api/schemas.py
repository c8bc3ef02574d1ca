"""What the API answers: the records as JSON, with the names of the mission's schema."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, computed_field
from pydantic.alias_generators import to_camel

from compiler import Diagnostic, Plan
from records import (
    AgentRun,
    Approval,
    AuditEntry,
    DeadLetter,
    Decision,
    NodeResult,
    RecordedArtifact,
    Run,
    Workflow,
)
from tasks.card_text import card_text
from tasks.effect_picture import proposal_of_approval


class ResponseModel(BaseModel):
    """A JSON object with camelCase keys."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        from_attributes=True,
        serialize_by_alias=True,
        use_attribute_docstrings=True,
        # All fields are always sent.
        json_schema_serialization_defaults_required=True,
    )


class Problem(ResponseModel):
    """Why a request was not served (RFC 9457, `application/problem+json`). Some have members of their own."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    """A sentence that says what to do."""


class HealthAnswer(ResponseModel):
    """Whether the API and what it rests on work."""

    status: Literal["ok", "unavailable"]
    database: str


class WorkflowAnswer(ResponseModel):
    """A deployed workflow."""

    id: str
    name: str
    description: str
    status: str
    trigger: Any
    plan_digest: str | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, workflow: Workflow) -> WorkflowAnswer:
        return cls.model_validate(workflow)


class WorkflowDetail(WorkflowAnswer):
    """A deployed workflow with the plan that new runs take."""

    plan: Plan | None


class DiagnosticAnswer(ResponseModel):
    """One mistake in a workflow."""

    code: str
    severity: str
    message: str
    hint: str
    line: int
    column: int
    end_line: int
    end_column: int

    @classmethod
    def of(cls, diagnostic: Diagnostic) -> DiagnosticAnswer:
        return cls.model_validate(diagnostic)


class SavedAnswer(ResponseModel):
    """A workflow that compiled and was saved."""

    id: str
    name: str
    plan_digest: str
    deployed: bool
    """Whether Prefect has its deployment, too."""
    warnings: list[DiagnosticAnswer]


class StartedAnswer(ResponseModel):
    """A run that was asked for."""

    flow_run_id: str
    """Prefect's id; the run appears among the runs as soon as it begins."""
    workflow: str
    plan_digest: str


class RunAnswer(ResponseModel):
    """A run of a workflow."""

    id: str
    workflow_name: str
    status: str
    message: str
    trigger: str
    triggered_by: str | None
    started_at: datetime
    finished_at: datetime | None
    flow_run_id: str | None
    plan_digest: str | None

    @classmethod
    def of(cls, run: Run) -> RunAnswer:
        return cls.model_validate(run)


class NodeAnswer(ResponseModel):
    """How a node of a run, or one item of it, ended."""

    node_id: str
    item: int | None
    status: str
    output: Any
    reason: str | None
    attempt: int

    @classmethod
    def of(cls, result: NodeResult) -> NodeAnswer:
        return cls.model_validate(result)


class AgentRunAnswer(ResponseModel):
    """One attempt of an agent."""

    id: str
    agent_name: str
    node_id: str | None
    item: int | None
    attempt: int
    status: str
    inputs: Any
    output: Any
    error: str | None
    started_at: datetime
    finished_at: datetime | None
    duration_ms: int | None
    artifacts: tuple[str, ...]
    failure_kind: str | None = None
    exit_code: int | None = None
    limits: dict[str, str] = {}
    """Limits that the jail held."""
    denied_egress: tuple[str, ...] = ()
    log_tail: str = ""
    memory_kb: int | None = None
    """What its largest process used at most."""
    cpu_ms: int | None = None
    """Processor time of all its processes."""
    model_use: dict[str, float] = {}
    """Calls of models as the agent tells them: `calls`, `inputTokens`, `outputTokens`, `costUsd`."""

    @classmethod
    def of(cls, agent_run: AgentRun) -> AgentRunAnswer:
        return cls.model_validate(agent_run)


class ArtifactAnswer(ResponseModel):
    """A file that an agent saved, without its bytes."""

    id: str
    name: str
    media_type: str
    size: int
    sha256: str
    ref: str
    """As outputs name it."""
    created_at: datetime

    @classmethod
    def of(cls, artifact: RecordedArtifact) -> ArtifactAnswer:
        return cls.model_validate(artifact)


class ApprovalAnswer(ResponseModel):
    """A gate's question and, once there is one, its answer."""

    id: str
    run_id: str
    node_id: str
    workflow_name: str
    status: str
    digest: str
    card: dict[str, Any]
    requested_at: datetime
    deadline: datetime | None
    responded_at: datetime | None
    responded_by: str | None
    verified: bool
    channel: str | None
    notes: str | None
    closed_as: str | None

    @computed_field
    @property
    def card_text(self) -> str:
        """The card as plain text, as every other channel shows it; what comes from outside is safe text."""
        return card_text(self.card)

    @computed_field
    @property
    def proposal(self) -> dict[str, Any] | None:
        """The effect that is approved: `effect`, `summary`, `digest`, and `diff`, `message` or `request` in full.

        None where none was proposed. For a `foreach` node `items` lists one for each item.
        """
        return proposal_of_approval(self.card)

    @classmethod
    def of(cls, approval: Approval) -> ApprovalAnswer:
        return cls.model_validate(approval)


class AuditAnswer(ResponseModel):
    """One line of the audit."""

    event: str
    by: str | None
    verified: bool
    channel: str | None
    digest: str | None
    notes: str | None
    at: datetime

    @classmethod
    def of(cls, entry: AuditEntry) -> AuditAnswer:
        return cls.model_validate(entry)


class TaintedInputAnswer(ResponseModel):
    """An input that text from outside may reach."""

    input: str
    source: str


class ApprovalDetail(ApprovalAnswer):
    """An approval with what a person decides on."""

    audit: list[AuditAnswer]
    votes: list[str]
    quorum: int
    approvers: list[str]
    """Empty: anybody but who started the run."""
    allow_self_approval: bool
    """Whether who started the run may approve."""
    on_expiry: str
    tainted: list[TaintedInputAnswer]
    recommendation: Any
    """What a node before it recommends."""
    edits: Any
    """Inputs that an approver has changed."""
    editable: dict[str, dict[str, Any]]
    """Inputs that who approves may change, and their JSON Schemas."""
    objections: dict[Literal["approve", "reject"], str]
    """Why the person who asks cannot take that decision; empty where they can take both."""
    superseded: bool
    """Whether something else would run now, and is asked for elsewhere."""
    earlier: list[ApprovalAnswer]
    """Questions of the same node that were asked before."""
    successor: ApprovalAnswer | None
    """The question that stands in its place; null where it is not superseded, or nothing is asked any more."""


class TimelineAnswer(ResponseModel):
    """A stretch of time of a run."""

    kind: Literal["run", "queue", "approval", "attempt"]
    node_id: str | None
    item: int | None
    attempt: int | None
    started_at: datetime
    finished_at: datetime | None
    status: str


class RootCauseAnswer(ResponseModel):
    """The failure that no other failure explains."""

    node_id: str
    message: str
    kind: str | None
    attempt: int | None
    log_tail: str


class LogLineAnswer(ResponseModel):
    """One line that an agent wrote."""

    id: int
    at: datetime
    node_id: str
    item: int | None
    attempt: int
    level: str
    message: str


class LogPage(ResponseModel):
    """Lines in the order in which they were kept."""

    lines: list[LogLineAnswer]
    next: str
    """`after` of the next page."""
    ended: bool
    """Whether the run has ended, so that no more will come."""


class ActAnswer(ResponseModel):
    """What became of an act on a run."""

    id: str
    """The run that goes on: another one for a replay, whose row appears as soon as it begins."""
    run_id: str | None
    flow_run_id: str | None
    message: str
    nodes: list[str] = []
    """What runs again."""


class RerunPreviewAnswer(ResponseModel):
    """What running again from a node would do."""

    nodes: list[str]
    """What runs again, in the order of the plan."""
    unfinished: list[str]
    """Others that have not ended well, and what waits for these: they run, too, as in a retry."""
    kept: list[str]
    """Nodes that have ended well, whose outputs are kept."""
    gates: list[str]
    """Nodes among them with a gate: asked again, where what was approved was done or is not what would run."""
    effects: list[str]
    """Nodes among them that act outside of the jail, and would do so again."""


class DeadLetterAnswer(ResponseModel):
    """An event that started nothing, and why."""

    id: str
    subject: str
    reason: str
    deliveries: int
    created_at: datetime
    payload: str
    """As text; bytes that are none are replaced."""
    settled_as: str | None = None
    settled_by: str | None = None
    settled_at: datetime | None = None

    @classmethod
    def of(cls, letter: DeadLetter) -> DeadLetterAnswer:
        return cls(
            id=letter.id,
            subject=letter.subject,
            reason=letter.reason,
            deliveries=letter.deliveries,
            created_at=letter.created_at,
            payload=letter.payload.decode("utf-8", errors="replace"),
            settled_as=letter.settled_as,
            settled_by=letter.settled_by,
            settled_at=letter.settled_at,
        )


class DecisionAnswer(ResponseModel):
    """What became of a decision."""

    approval: ApprovalAnswer
    applied: bool
    """Whether this decision closed the question; False: a vote that counts towards the quorum."""
    votes: list[str]
    quorum: int
    reason: str
    run: str
    """What that did to the run: `resumed`, `not waiting`, or `later` when it goes on by itself soon."""

    @classmethod
    def of(cls, decision: Decision, *, run: str) -> DecisionAnswer:
        return cls(
            approval=ApprovalAnswer.of(decision.approval),
            applied=decision.applied,
            votes=list(decision.votes),
            quorum=decision.quorum,
            reason=decision.reason,
            run=run,
        )
