"""What the API answers about agents. A manifest has camelCase names here; `from_json` takes it back as it is."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from agents.registration.manifest import to_json
from api.schemas import ResponseModel
from compiler.catalogue import AgentSpec
from operations.register_agent import AgentReview
from operations.show_agent import AgentReport, Health


class ActionAnswer(ResponseModel):
    """One thing that an agent can do."""

    name: str
    description: str
    risk: str | None
    """None: that of the agent."""
    effect: str | None
    input_schema: dict[str, Any]
    output_schema: dict[str, Any]
    result_schema: dict[str, Any] | None


class AgentAnswer(ResponseModel):
    """The manifest of an agent."""

    name: str
    type: str
    version: str
    risk: str
    description: str
    network: list[str]
    secrets: list[str]
    settings: list[str]
    memory_mb: int
    timeout_seconds: int
    entry_path: str
    code_digest: str
    actions: list[ActionAnswer]

    @classmethod
    def of(cls, spec: AgentSpec) -> AgentAnswer:
        """The manifest as JSON."""
        return cls.model_validate(to_json(spec))


class VersionUseAnswer(ResponseModel):
    """One version of an agent, as far as it has run."""

    version: str | None
    runs: int
    failed: int
    first_at: datetime
    last_at: datetime


class AgentRunLineAnswer(ResponseModel):
    """One attempt of an agent, without what it was given and gave."""

    id: str
    run_id: str | None
    node_id: str | None
    action: str | None
    version: str | None
    status: str
    failure_kind: str | None
    started_at: datetime
    duration_ms: int | None


class AgentHistoryAnswer(ResponseModel):
    """How an agent has run, and who uses it."""

    registered_at: datetime
    updated_at: datetime
    health: Health
    used_by: tuple[str, ...]
    """Active workflows with a node of it."""
    versions: list[VersionUseAnswer]
    recent: list[AgentRunLineAnswer]

    @classmethod
    def of(cls, report: AgentReport) -> AgentHistoryAnswer:
        """The report as JSON."""
        history = report.history
        return cls(
            registered_at=history.registered_at,
            updated_at=history.updated_at,
            health=report.health,
            used_by=report.used_by,
            versions=[VersionUseAnswer.model_validate(each) for each in history.versions],
            recent=[AgentRunLineAnswer.model_validate(each) for each in history.recent],
        )


class AgentReviewAnswer(ResponseModel):
    """What registering code would mean. Nothing was registered."""

    agent: AgentAnswer
    """As it would be registered, with the risk raised to its floor."""
    code_digest: str
    """To be sent with the registration: exactly this code is registered."""
    replaces: str | None
    """The version that is registered under the name now."""
    raised: tuple[str, ...]
    """Actions that need an approval whatever the manifest says."""
    lowered: tuple[str, ...]
    """Actions that needed an approval and would not any more: this is refused."""
    second_person: str | None
    """Why, in production mode, a second person must confirm it."""

    @classmethod
    def of(cls, review: AgentReview) -> AgentReviewAnswer:
        """The review as JSON."""
        return cls(
            agent=AgentAnswer.of(review.spec),
            code_digest=review.spec.code_digest,
            replaces=review.replaces,
            raised=review.raised,
            lowered=review.lowered,
            second_person=review.second_person,
        )
