"""Lines that agents wrote -> rows kept with the run, read in pages, so that a log needs no other server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from records.database.payload import line
from records.database.store import Store, rows
from records.tables import RUN_LOG
from reliability.shielded import shielded

MAX_MESSAGE = 8_000


@dataclass(frozen=True, kw_only=True)
class KeptLine:
    """One line of an agent's log."""

    id: int
    """Grows with each line; 0 before it is kept."""
    node_id: str
    item: int | None
    attempt: int
    at: datetime
    level: str
    message: str


class RunLogStore(Store):
    """The agents' logs."""

    @shielded
    async def keep_log(self, run_id: str, lines: Sequence[KeptLine]) -> None:
        """Append the lines in one transaction."""
        if not lines:
            return
        values = [
            {
                "workflowRunId": run_id,
                "nodeKey": each.node_id,
                "item": each.item,
                "attempt": each.attempt,
                "at": each.at,
                "level": each.level,
                "message": line(each.message, MAX_MESSAGE) or "",
            }
            for each in lines
        ]
        async with self._db.write() as connection:
            await connection.execute(RUN_LOG.insert(), values)

    @shielded
    async def kept_log(
        self,
        run_id: str,
        *,
        node_id: str | None = None,
        attempt: int | None = None,
        search: str | None = None,
        after: int = 0,
        limit: int = 500,
    ) -> list[KeptLine]:
        """Lines behind number `after`, in the order in which they were kept. `search`: text in any case."""
        chosen = select(RUN_LOG).where(RUN_LOG.c.workflowRunId == run_id, RUN_LOG.c.id > after)
        if node_id is not None:
            chosen = chosen.where(RUN_LOG.c.nodeKey == node_id)
        if attempt is not None:
            chosen = chosen.where(RUN_LOG.c.attempt == attempt)
        if search:
            chosen = chosen.where(RUN_LOG.c.message.icontains(search, autoescape=True))
        async with self._db.read() as connection:
            found = await rows(connection, chosen.order_by(RUN_LOG.c.id).limit(limit))
        return [
            KeptLine(
                id=row["id"],
                node_id=row["nodeKey"],
                item=row["item"],
                attempt=row["attempt"],
                at=row["at"],
                level=row["level"],
                message=row["message"],
            )
            for row in found
        ]
