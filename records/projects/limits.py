"""What a project may use <-> the table ProjectLimits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sqlalchemy import Select, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from records.database.store import Store, first, rows
from records.errors import LimitReached
from records.tables import EVENT_PUBLISHER, PROJECT_LIMITS
from records.tables.columns import now
from reliability.shielded import shielded

DEFAULT_EVENT_MESSAGES = 100_000
DEFAULT_EVENT_BYTES = 1024**3
DEFAULT_WORKFLOWS = 1_000
DEFAULT_AGENTS = 1_000


@dataclass(frozen=True, kw_only=True)
class ProjectLimits:
    """What one project may use. Where projects wait for each other, each gets its weight's share."""

    project_id: int
    weight: int = 1
    """At least 1."""
    runs_at_once: int | None = None
    """Runs in the hands of workers at a time, all workers together; None: no limit."""
    agents_at_once: int | None = None
    """Agents that one worker runs side by side for it; None: no limit of its own."""
    event_messages: int = DEFAULT_EVENT_MESSAGES
    """Events that wait in its stream; a full one refuses the next, and says so to the publisher."""
    event_bytes: int = DEFAULT_EVENT_BYTES
    workflows: int = DEFAULT_WORKFLOWS
    """Workflows that are not archived."""
    agents: int = DEFAULT_AGENTS
    """Registered agents."""

    def as_json(self) -> dict[str, Any]:
        """Its JSON form."""
        return {_FIELDS[name]: value for name, value in asdict(self).items()}


_FIELDS: Mapping[str, str] = {
    "project_id": "projectId",
    "weight": "weight",
    "runs_at_once": "runsAtOnce",
    "agents_at_once": "agentsAtOnce",
    "event_messages": "eventMessages",
    "event_bytes": "eventBytes",
    "workflows": "workflows",
    "agents": "agents",
}


async def check_count(
    connection: AsyncConnection, project_id: int, what: Literal["agents", "workflows"], counted: Select[tuple[int]]
) -> None:
    """Raises LimitReached where the project has more of them now than it may have."""
    mine = select(PROJECT_LIMITS).where(PROJECT_LIMITS.c.projectId == project_id)
    row = await first(connection, mine)
    limits = ProjectLimits(project_id=project_id) if row is None else _limits(row)
    limit = limits.agents if what == "agents" else limits.workflows
    if (await connection.execute(counted)).scalar_one() > limit:
        raise LimitReached(what, project_id, limit)


class LimitsStore(Store):
    """Reads and sets what projects may use."""

    @shielded
    async def project_limits(self, project_id: int) -> ProjectLimits:
        """Those of one project; the defaults where nobody has set any."""
        chosen = select(PROJECT_LIMITS).where(PROJECT_LIMITS.c.projectId == project_id)
        async with self._db.read() as connection:
            row = await first(connection, chosen)
        return ProjectLimits(project_id=project_id) if row is None else _limits(row)

    @shielded
    async def all_project_limits(self) -> dict[int, ProjectLimits]:
        """Those that somebody has set, by project."""
        async with self._db.read() as connection:
            found = await rows(connection, select(PROJECT_LIMITS).order_by(PROJECT_LIMITS.c.projectId))
        return {row["projectId"]: _limits(row) for row in found}

    @shielded
    async def event_projects(self) -> list[ProjectLimits]:
        """Of each project that has, or had, a publisher of events: what it may use."""
        publishing = select(EVENT_PUBLISHER.c.projectId).distinct().order_by(EVENT_PUBLISHER.c.projectId)
        async with self._db.read() as connection:
            projects = [row["projectId"] for row in await rows(connection, publishing)]
            chosen = select(PROJECT_LIMITS).where(PROJECT_LIMITS.c.projectId.in_(projects))
            known = {row["projectId"]: _limits(row) for row in await rows(connection, chosen)}
        return [known.get(each) or ProjectLimits(project_id=each) for each in projects]

    @shielded
    async def set_project_limits(self, limits: ProjectLimits, *, by: str | None = None) -> None:
        """Set them. They count for what comes; what is there already stays."""
        values = {**limits.as_json(), "updatedAt": now(), "updatedBy": by}
        async with self._db.write() as connection:
            mine = PROJECT_LIMITS.c.projectId == limits.project_id
            await connection.execute(delete(PROJECT_LIMITS).where(mine))
            await connection.execute(PROJECT_LIMITS.insert().values(**values))


def _limits(row: Mapping[Any, Any]) -> ProjectLimits:
    given = {name: row[column] for name, column in _FIELDS.items() if row[column] is not None}
    return ProjectLimits(**given)
