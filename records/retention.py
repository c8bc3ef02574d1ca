"""A moment in the past in; what is older and no longer needed deleted from the records, out.

The audit of approvals is kept: the database refuses to delete from it, and it names no foreign rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Delete, Select, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from records.database.store import Store, rows
from records.tables import (
    AGENT_RUN,
    ARTIFACT,
    DEAD_LETTER,
    NODE_STATE,
    PLAN,
    PROCESSED_EVENT,
    PROPOSAL,
    RUN_LOG,
    RUN_ORIGIN,
    WORKFLOW,
    WORKFLOW_APPROVAL,
    WORKFLOW_RUN,
)
from reliability.shielded import shielded


@dataclass(frozen=True, kw_only=True)
class EndedRun:
    """A run that may be deleted."""

    id: str
    flow_run_id: str | None


class RetentionStore(Store):
    """Deletes what is old. Each call is one transaction of bounded size; call again until it deletes nothing."""

    @shielded
    async def ended_runs(self, before: datetime, *, limit: int = 200) -> list[EndedRun]:
        """Runs that ended before that moment, oldest first."""
        chosen = select(WORKFLOW_RUN.c.id, WORKFLOW_RUN.c.flowRunId).where(_ended(before))
        async with self._db.read() as connection:
            found = await rows(connection, chosen.order_by(WORKFLOW_RUN.c.finishedAt).limit(limit))
        return [EndedRun(id=row["id"], flow_run_id=row["flowRunId"]) for row in found]

    @shielded
    async def delete_runs(self, ids: Sequence[str], *, before: datetime) -> int:
        """Delete these runs with their agent runs, approvals, node states and artifacts; returns how many.

        A run that was retried meanwhile, and so has not ended before that moment, is not deleted.
        """
        async with self._db.write() as connection:
            still = select(WORKFLOW_RUN.c.id).where(WORKFLOW_RUN.c.id.in_(ids), WORKFLOW_RUN.c.finishedAt < before)
            chosen = [row["id"] for row in await rows(connection, still.with_for_update())]
            for table in (RUN_LOG, NODE_STATE, ARTIFACT, PROPOSAL, WORKFLOW_APPROVAL, AGENT_RUN):
                await connection.execute(delete(table).where(table.c.workflowRunId.in_(chosen)))
            flows = select(WORKFLOW_RUN.c.flowRunId).where(WORKFLOW_RUN.c.id.in_(chosen))
            await connection.execute(delete(RUN_ORIGIN).where(RUN_ORIGIN.c.flowRunId.in_(flows)))
            await connection.execute(delete(WORKFLOW_RUN).where(WORKFLOW_RUN.c.id.in_(chosen)))
        return len(chosen)

    @shielded
    async def delete_inbox(self, before: datetime) -> int:
        """Delete inbox entries older than that moment.

        No younger than JetStream keeps messages, or a message that is delivered again would start a second run.
        """
        async with self._db.write() as connection:
            return await _delete(connection, delete(PROCESSED_EVENT).where(PROCESSED_EVENT.c.processedAt < before))

    @shielded
    async def delete_dead_letters(self, before: datetime, *, keep: int) -> int:
        """Delete dead letters older than that moment, and all but the newest `keep`."""
        newest = select(DEAD_LETTER.c.id).order_by(DEAD_LETTER.c.createdAt.desc(), DEAD_LETTER.c.id).limit(keep)
        old = (DEAD_LETTER.c.createdAt < before) | DEAD_LETTER.c.id.not_in(newest)
        async with self._db.write() as connection:
            return await _delete(connection, delete(DEAD_LETTER).where(old))

    @shielded
    async def delete_plans(self, before: datetime) -> int:
        """Delete plans older than that moment that neither a workflow nor a run refers to."""
        unused = PLAN.c.digest.not_in(_named(WORKFLOW.c.planDigest)) & PLAN.c.digest.not_in(
            _named(WORKFLOW_RUN.c.planDigest)
        )
        async with self._db.write() as connection:
            return await _delete(connection, delete(PLAN).where((PLAN.c.createdAt < before) & unused))

    @shielded
    async def count_ended_runs(self, before: datetime) -> int:
        """How many runs ended before that moment."""
        async with self._db.read() as connection:
            return int((await connection.execute(select(func.count()).where(_ended(before)))).scalar_one())


def _ended(before: datetime) -> ColumnElement[bool]:
    return (WORKFLOW_RUN.c.finishedAt < before) & WORKFLOW_RUN.c.status.in_(("SUCCESS", "FAILED"))


def _named(column: Column[Any]) -> Select[tuple[Any]]:
    # Without NULLs: `NOT IN` a list with one accepts nothing.
    return select(column).where(column.is_not(None))


async def _delete(connection: AsyncConnection, statement: Delete) -> int:
    return (await connection.execute(statement)).rowcount
