"""Changes -> events, written in the transaction of the change; the relay publishes them and marks them as published.

The message id is the same however often a change is repeated, so that neither a retry here nor one of the relay
(`Nats-Msg-Id`) makes a second event.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from records.database.payload import MAX_EVENT_BYTES, checked, dumps
from records.database.store import Store, insert_new, rows
from records.events.changes import ChangeType, note_change
from records.tables import OUTBOX
from records.tables.columns import now
from reliability.shielded import shielded


@dataclass(frozen=True, kw_only=True)
class OutboxEvent:
    """One event to be published."""

    id: int
    message_id: str
    """For the header `Nats-Msg-Id`."""
    project_id: int
    subject: str
    payload: dict[str, Any]
    created_at: datetime
    traceparent: str | None = None
    """For the header `traceparent`; None without tracing."""

    @property
    def data(self) -> bytes:
        """The payload as it goes over the wire."""
        return dumps(self.payload).encode()


class OutboxStore(Store):
    """Events that were recorded and are not published yet."""

    @shielded
    async def pending_events(self, limit: int = 100) -> list[OutboxEvent]:
        """Those not published, oldest first."""
        waiting = select(OUTBOX).where(OUTBOX.c.publishedAt.is_(None)).order_by(OUTBOX.c.id).limit(limit)
        async with self._db.read() as connection:
            found = await rows(connection, waiting)
        return [
            OutboxEvent(
                id=row["id"],
                message_id=row["messageId"],
                project_id=row["projectId"],
                subject=row["subject"],
                payload=row["payload"],
                created_at=row["createdAt"],
                traceparent=row["traceparent"],
            )
            for row in found
        ]

    @shielded
    async def mark_published(self, ids: Iterable[int]) -> None:
        """The server has acknowledged them."""
        chosen = list(ids)
        if not chosen:
            return
        async with self._db.write() as connection:
            waiting = OUTBOX.c.id.in_(chosen) & OUTBOX.c.publishedAt.is_(None)
            await connection.execute(update(OUTBOX).where(waiting).values(publishedAt=now()))

    @shielded
    async def prune_events(self, before: datetime) -> int:
        """Delete events published before that moment; returns how many."""
        async with self._db.write() as connection:
            return (await connection.execute(delete(OUTBOX).where(OUTBOX.c.publishedAt < before))).rowcount


async def emit(
    connection: AsyncConnection,
    *,
    message_id: str,
    project_id: int,
    subject: str,
    payload: Mapping[str, Any],
    traceparent: str | None = None,
) -> None:
    """Write the event in the transaction of its change; a second one with that message id is ignored."""
    checked(f"the event {subject!r}", dict(payload), limit=MAX_EVENT_BYTES)
    row: dict[str, Any] = {
        "messageId": message_id,
        "projectId": project_id,
        "subject": subject,
        "payload": dict(payload),
    }
    row |= {"traceparent": traceparent}
    await insert_new(connection, OUTBOX, row)
    kind, ref = _changed(subject, payload)
    if ref is not None:
        await note_change(connection, project_id, kind, ref, run_id=payload.get("workflowRunId"))


def _changed(subject: str, payload: Mapping[str, Any]) -> tuple[ChangeType, str | None]:
    """What the event tells of: kind and id."""
    if subject.startswith("workflow.approval."):
        return "approval", payload.get("approvalId")
    if subject.startswith("agent."):
        return "agentRun", payload.get("agentRunId")
    return "run", payload.get("workflowRunId")
