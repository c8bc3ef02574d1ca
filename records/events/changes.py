"""A change -> a row that says what kind of thing changed, for readers that follow; it never says how it is now.

Rows are written in the transaction of the change. Numbers are given before transactions end, so that a reader must look
back a little: a lower number may appear after a higher one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from records.database.store import Store, first, rows
from records.tables import CHANGE
from records.tables.columns import now
from reliability.shielded import shielded

ChangeType = Literal["run", "approval", "agentRun", "workflow", "event", "agent"]

LOOK_BACK = 256
"""How many numbers behind the last one a transaction may still be about to commit."""
_LATE = timedelta(seconds=10)


@dataclass(frozen=True, kw_only=True)
class RecordChange:
    """Something in a project is not what it was."""

    id: int
    type: ChangeType
    ref: str
    """Id of what changed; a workflow's or an agent's name."""
    run_id: str | None


class ChangeStore(Store):
    """Reads and prunes changes."""

    @shielded
    async def last_change(self, project_id: int) -> int:
        """Number of the newest one; 0 where there is none."""
        newest = select(func.max(CHANGE.c.id).label("id")).where(CHANGE.c.projectId == project_id)
        async with self._db.read() as connection:
            row = await first(connection, newest)
        return 0 if row is None or row["id"] is None else int(row["id"])

    @shielded
    async def record_changes(self, project_id: int, *, after: int, limit: int = 500) -> list[RecordChange]:
        """Those behind number `after`, and recent ones just before it, by number."""
        late = (CHANGE.c.id > after - LOOK_BACK) & (CHANGE.c.at > now() - _LATE)
        chosen = select(CHANGE).where(CHANGE.c.projectId == project_id, or_(CHANGE.c.id > after, late))
        async with self._db.read() as connection:
            found = await rows(connection, chosen.order_by(CHANGE.c.id).limit(limit + LOOK_BACK))
        return [RecordChange(id=row["id"], type=row["type"], ref=row["ref"], run_id=row["runId"]) for row in found]

    @shielded
    async def prune_changes(self, before: datetime) -> int:
        """Delete changes older than that moment; returns how many."""
        async with self._db.write() as connection:
            return (await connection.execute(delete(CHANGE).where(CHANGE.c.at < before))).rowcount


async def note_change(
    connection: AsyncConnection, project_id: int, kind: ChangeType, ref: str, *, run_id: str | None = None
) -> None:
    """Write the change in the transaction that makes it."""
    values = {"projectId": project_id, "type": kind, "ref": ref, "runId": run_id, "at": now()}
    await connection.execute(CHANGE.insert().values(**values))
