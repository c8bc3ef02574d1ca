"""Number and age of what is open at this moment, from a few cheap queries, for metrics."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, case, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from records.database.store import Store, first, rows
from records.tables import DEAD_LETTER, OUTBOX, RUN_SLOT, SPAN, WORKFLOW, WORKFLOW_APPROVAL, WORKFLOW_RUN
from records.tables.columns import now
from reliability.shielded import shielded

_OPEN = ("PENDING", "RUNNING", "WAITING_APPROVAL")


@dataclass(frozen=True, kw_only=True)
class SlotNumbers:
    """Slots of one workflow with `concurrency`, over all its keys."""

    held: int
    waiting: int
    free: int


@dataclass(frozen=True, kw_only=True)
class LiveNumbers:
    """Counts, and ages in seconds; an age is 0 where there is nothing."""

    runs: dict[str, int]
    """Open runs by status."""
    oldest_queued: float
    """Age of the oldest run that has not begun."""
    approvals: dict[str, int]
    """Pending approvals by workflow."""
    oldest_approval: float
    outbox: int
    oldest_event: float
    """Age of the oldest event that is not published."""
    spans: int
    """Spans that are not exported."""
    dead_letters: int
    slots: dict[str, SlotNumbers]
    database_bytes: int


class LiveStore(Store):
    """Numbers of this moment."""

    @shielded
    async def live_numbers(self) -> LiveNumbers:
        """All of them, from one read transaction."""
        pending = (WORKFLOW_APPROVAL.c.status == "PENDING") & WORKFLOW_APPROVAL.c.supersededAt.is_(None)
        queued = select(func.min(WORKFLOW_RUN.c.startedAt).label("at")).where(WORKFLOW_RUN.c.status == "PENDING")
        asked = select(func.min(WORKFLOW_APPROVAL.c.requestedAt).label("at")).where(pending)
        by_workflow = (
            select(WORKFLOW.c.name, func.count().label("n"))
            .select_from(WORKFLOW_APPROVAL.join(WORKFLOW_RUN).join(WORKFLOW))
            .where(pending)
            .group_by(WORKFLOW.c.name)
        )
        unpublished = OUTBOX.c.publishedAt.is_(None)
        async with self._db.read() as connection:
            by_status = select(WORKFLOW_RUN.c.status, func.count().label("n")).where(
                WORKFLOW_RUN.c.status.in_(_OPEN)
            )
            runs = {row["status"]: row["n"] for row in await rows(connection, by_status.group_by("status"))}
            return LiveNumbers(
                runs={status: runs.get(status, 0) for status in _OPEN},
                oldest_queued=await _age(connection, queued),
                approvals={row["name"]: row["n"] for row in await rows(connection, by_workflow)},
                oldest_approval=await _age(connection, asked),
                outbox=await _number(connection, select(func.count().label("n")).where(unpublished)),
                oldest_event=await _age(
                    connection, select(func.min(OUTBOX.c.createdAt).label("at")).where(unpublished)
                ),
                spans=await _number(
                    connection, select(func.count().label("n")).where(SPAN.c.exportedAt.is_(None))
                ),
                dead_letters=await _number(connection, select(func.count().label("n")).select_from(DEAD_LETTER)),
                slots=await _slots(connection),
                database_bytes=await _size(connection),
            )


async def _age(connection: AsyncConnection, statement: Select[tuple[datetime]]) -> float:
    row = await first(connection, statement)
    oldest: datetime | None = None if row is None else row["at"]
    return 0.0 if oldest is None else max(0.0, (now() - oldest).total_seconds())


async def _number(connection: AsyncConnection, statement: Select[tuple[int]]) -> int:
    row = await first(connection, statement)
    return 0 if row is None else int(row["n"])


async def _slots(connection: AsyncConnection) -> dict[str, SlotNumbers]:
    held = func.sum(case((RUN_SLOT.c.heldAt.is_not(None), 1), else_=0))
    by_key = (
        select(
            WORKFLOW.c.name, held.label("held"), func.count().label("n"), func.max(RUN_SLOT.c.limit).label("most")
        )
        .select_from(RUN_SLOT.join(WORKFLOW, WORKFLOW.c.id == RUN_SLOT.c.workflowId))
        .group_by(WORKFLOW.c.name, RUN_SLOT.c.key)
    )
    found: dict[str, SlotNumbers] = {}
    for row in await rows(connection, by_key):
        before = found.get(row["name"], SlotNumbers(held=0, waiting=0, free=0))
        found[row["name"]] = SlotNumbers(
            held=before.held + int(row["held"]),
            waiting=before.waiting + int(row["n"]) - int(row["held"]),
            free=before.free + max(0, int(row["most"]) - int(row["held"])),
        )
    return found


async def _size(connection: AsyncConnection) -> int:
    if connection.dialect.name == "postgresql":
        return int((await connection.execute(text("SELECT pg_database_size(current_database())"))).scalar_one())
    pages = (await connection.execute(text("PRAGMA page_count"))).scalar_one()
    return int(pages) * int((await connection.execute(text("PRAGMA page_size"))).scalar_one())
