"""An agent's name -> its versions as they ran, and its newest runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, func, select

from records.database.store import Store, first, rows
from records.errors import NotFound
from records.tables import AGENT, AGENT_RUN
from reliability.shielded import shielded


@dataclass(frozen=True, kw_only=True)
class VersionUse:
    """One version of an agent, as far as it has run."""

    version: str | None
    """None: from before versions were noted."""
    runs: int
    failed: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, kw_only=True)
class AgentRunLine:
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


@dataclass(frozen=True, kw_only=True)
class AgentHistory:
    """What is on record about an agent besides its manifest."""

    registered_at: datetime
    updated_at: datetime
    versions: tuple[VersionUse, ...]
    """The newest use first."""
    recent: tuple[AgentRunLine, ...]
    """The newest first."""


class AgentHistoryStore(Store):
    """Reads how agents have run."""

    @shielded
    async def agent_history(self, project_id: int, name: str, *, limit: int = 20) -> AgentHistory:
        """The agent's past in the project. Raises NotFound."""
        ran = AGENT_RUN.c
        last = func.max(ran.startedAt)
        async with self._db.read() as connection:
            agent = await first(
                connection, select(AGENT).where(AGENT.c.projectId == project_id, AGENT.c.name == name)
            )
            if agent is None:
                raise NotFound("the agent", name, "list the agents with `commandcenter agents list`")
            used = await rows(
                connection,
                select(
                    ran.agentVersion,
                    func.count().label("runs"),
                    func.sum(case((ran.status == "FAILED", 1), else_=0)).label("failed"),
                    func.min(ran.startedAt).label("first"),
                    last.label("last"),
                )
                .where(ran.agentId == agent["id"])
                .group_by(ran.agentVersion)
                .order_by(last.desc())
                .limit(50),
            )
            newest = await rows(
                connection,
                select(AGENT_RUN)
                .where(ran.agentId == agent["id"])
                .order_by(ran.startedAt.desc(), ran.id)
                .limit(limit),
            )
        return AgentHistory(
            registered_at=agent["registeredAt"],
            updated_at=agent["updatedAt"],
            versions=tuple(
                VersionUse(
                    version=row["agentVersion"],
                    runs=row["runs"],
                    failed=int(row["failed"] or 0),
                    first_at=row["first"],
                    last_at=row["last"],
                )
                for row in used
            ),
            recent=tuple(
                AgentRunLine(
                    id=row["id"],
                    run_id=row["workflowRunId"],
                    node_id=row["nodeKey"],
                    action=row["action"],
                    version=row["agentVersion"],
                    status=row["status"],
                    failure_kind=row["failureKind"],
                    started_at=row["startedAt"],
                    duration_ms=row["durationMs"],
                )
                for row in newest
            ),
        )
