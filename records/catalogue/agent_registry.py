"""Agent specs <-> the tables Agent and AgentCapability: what a project's workflows may use."""

from __future__ import annotations

import logging
from typing import Any

from sqlalchemy import RowMapping, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from compiler.catalogue import ActionSpec, AgentSpec, Catalogue
from records.approvals.newest_rows import keep_newest, newest_states
from records.database.connections import Database
from records.database.ids import new_id, subject_token
from records.database.payload import checked
from records.database.signed_agents import (
    agent_of,
    agent_state,
    agent_subject,
    is_registered,
    sign_agent,
    unregistered,
)
from records.database.store import Store, first, insert_new, rows
from records.database.told_once import ToldOnce
from records.events.changes import note_change
from records.projects.limits import check_count
from records.tables import AGENT, AGENT_CAPABILITY
from records.tables.columns import now
from reliability.shielded import shielded

log = logging.getLogger(__name__)

_REMOVED = "removed:"
"""Begins what the audit says of an agent that was removed; the rest is what it said before, if anything."""


class AgentRegistry(Store):
    """Registered agents, per project."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._known: dict[str, tuple[tuple[RowMapping, list[RowMapping], str | None], AgentSpec]] = {}
        """Agents whose rows were checked, by id: each run asks for all of its project."""
        self._told = ToldOnce(log)

    @shielded
    async def register_agent(self, project_id: int, spec: AgentSpec) -> str:
        """Insert or update the agent; returns its id, which stays the same. Raises NameRefused, LimitReached."""
        subject_token("agent", spec.name)
        async with self._db.write() as connection:
            values = {**_agent_values(spec), "signature": sign_agent(connection, project_id, spec)}
            fresh = {"id": new_id(), "projectId": project_id, "name": spec.name, **values}
            if not await insert_new(connection, AGENT, fresh):
                mine = (AGENT.c.projectId == project_id) & (AGENT.c.name == spec.name)
                await connection.execute(update(AGENT).where(mine).values(**values))
            else:
                counted = select(func.count()).select_from(AGENT).where(AGENT.c.projectId == project_id)
                await check_count(connection, project_id, "agents", counted)
            agent_id = await agent_row_id(connection, project_id, spec.name)
            assert agent_id is not None
            await _replace_capabilities(connection, agent_id, spec)
            state = agent_state(project_id, spec)
            await keep_newest(connection, agent_subject(project_id, spec.name), state, project_id=project_id)
        return agent_id

    @shielded
    async def agents(self, project_id: int, *, archived: bool = False) -> list[AgentSpec]:
        """All agents of the project, by name; with `archived`, those too that were removed.

        Of one that the platform did not register as it is, each action needs an approval.
        """
        async with self._db.read() as connection:
            mine = select(AGENT).where(AGENT.c.projectId == project_id).order_by(AGENT.c.name)
            found = await rows(connection, mine if archived else mine.where(AGENT.c.archivedAt.is_(None)))
            joined = AGENT_CAPABILITY.join(AGENT, AGENT.c.id == AGENT_CAPABILITY.c.agentId)
            theirs = select(AGENT_CAPABILITY).select_from(joined).where(AGENT.c.projectId == project_id)
            capabilities = await rows(connection, theirs.order_by(AGENT_CAPABILITY.c.name))
            by_agent: dict[str, list[RowMapping]] = {}
            for row in capabilities:
                by_agent.setdefault(row["agentId"], []).append(row)
            newest = await newest_states(connection, (agent_subject(project_id, row["name"]) for row in found))
            return [
                self._trusted(
                    connection,
                    row,
                    by_agent.get(row["id"], []),
                    newest.get(agent_subject(project_id, row["name"])),
                )
                for row in found
                if archived or not self._was_removed(row, newest.get(agent_subject(project_id, row["name"]), ""))
            ]

    def _trusted(
        self, connection: AsyncConnection, row: RowMapping, capabilities: list[RowMapping], newest: str | None
    ) -> AgentSpec:
        given = (row, capabilities, newest)
        known = self._known.get(row["id"])
        if known is not None and known[0] == given:
            return known[1]
        spec = agent_of(row, capabilities)
        registered = is_registered(connection, row["projectId"], spec, row["signature"])
        state = (newest or "").removeprefix(_REMOVED)
        if not registered or (state and state != agent_state(row["projectId"], spec)):
            self._told.error(
                f"agent {spec.name!r} of project {row['projectId']} is not as it was registered: its rows were changed "
                "in the database, or signed with a key that this part lacks; each of its actions needs an approval "
                "until it is registered again"
            )
            spec = unregistered(spec)
        self._known[row["id"]] = (given, spec)
        return spec

    def _was_removed(self, row: RowMapping, newest: str) -> bool:
        """Whether an agent that its row says is in use was removed, and put back by hand."""
        if not newest.startswith(_REMOVED):
            return False
        self._told.error(
            f"agent {row['name']!r} of project {row['projectId']} was removed, and its row put back in the database: "
            "it stays removed until it is registered again"
        )
        return True

    @shielded
    async def catalogue(self, project_id: int, *, archived: bool = False) -> Catalogue:
        """The project's agents as the compiler's Catalogue. `archived`: for a run that began before one was removed."""
        return Catalogue(agents={spec.name: spec for spec in await self.agents(project_id, archived=archived)})

    @shielded
    async def archive_agent(self, project_id: int, name: str) -> bool:
        """Keep the agent's runs, and let no workflow name it; False if the project has none of that name in use."""
        mine = (AGENT.c.projectId == project_id) & (AGENT.c.name == name) & AGENT.c.archivedAt.is_(None)
        async with self._db.write() as connection:
            change = update(AGENT).where(mine).values(archivedAt=now(), updatedAt=now())
            if (await connection.execute(change)).rowcount != 1:
                return False
            subject = agent_subject(project_id, name)
            before = (await newest_states(connection, [subject])).get(subject, "")
            state = _REMOVED + before.removeprefix(_REMOVED)
            await keep_newest(connection, subject, state, project_id=project_id)
            await note_change(connection, project_id, "agent", name)
        return True


async def agent_row_id(connection: AsyncConnection, project_id: int, name: str) -> str | None:
    """The database id of a project's agent."""
    row = await first(connection, select(AGENT.c.id).where(AGENT.c.projectId == project_id, AGENT.c.name == name))
    return None if row is None else row["id"]


def _agent_values(spec: AgentSpec) -> dict[str, Any]:
    return {
        "type": spec.type,
        "description": spec.description or None,
        "entryPath": spec.entry_path,
        "version": spec.version,
        "riskLevel": spec.risk,
        "updatedAt": now(),
        "network": list(spec.network),
        "secrets": list(spec.secrets),
        "settings": list(spec.settings),
        "memoryMb": spec.memory_mb,
        "timeoutSeconds": spec.timeout_seconds,
        "codeDigest": spec.code_digest,
        "archivedAt": None,
    }


async def _replace_capabilities(connection: AsyncConnection, agent_id: str, spec: AgentSpec) -> None:
    gone = (AGENT_CAPABILITY.c.agentId == agent_id) & AGENT_CAPABILITY.c.name.not_in(spec.actions)
    await connection.execute(delete(AGENT_CAPABILITY).where(gone))
    for name, action in sorted(spec.actions.items()):
        values = checked(f"the schema of {spec.name}.{name}", _capability_values(action))
        if not await insert_new(
            connection, AGENT_CAPABILITY, {"id": new_id(), "agentId": agent_id, "name": name} | values
        ):
            same = (AGENT_CAPABILITY.c.agentId == agent_id) & (AGENT_CAPABILITY.c.name == name)
            await connection.execute(update(AGENT_CAPABILITY).where(same).values(**values))


def _capability_values(action: ActionSpec) -> dict[str, Any]:
    return {
        "description": action.description or None,
        "inputSchema": dict(action.input_schema),
        "outputSchema": dict(action.output_schema),
        "resultSchema": None if action.result_schema is None else dict(action.result_schema),
        "riskLevel": action.risk,
        "effect": action.effect,
    }
