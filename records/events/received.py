"""Received messages, with the triggers that were compared -> rows that explain why nothing started."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, RowMapping, delete, or_, select, update

from records.database.beginnings import beginning_so, the_one
from records.database.ids import new_id
from records.database.read_row import read_row
from records.database.store import Store, first, insert_new, rows
from records.errors import PayloadRefused
from records.events.changes import note_change
from records.tables import RECEIVED_EVENT
from records.tables.columns import now
from reliability.shielded import shielded

EventOutcome = Literal["started", "matched nothing", "later", "dead letter"]
_MAX_BYTES = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class ReceivedEvent:
    """A message of the events stream."""

    id: str
    project_id: int | None
    """None where no project could be read from it."""
    subject: str
    payload: bytes
    outcome: EventOutcome
    """`later`: it is tried again."""
    looked: tuple[dict[str, Any], ...]
    """Each active workflow of then: `workflow`, `digest`, `matched`, `flowRunId`, `error`."""
    received_at: datetime


class ReceivedStore(Store):
    """What came in."""

    @shielded
    async def receive_event(
        self,
        stream: str,
        sequence: int,
        *,
        subject: str,
        payload: bytes,
        outcome: EventOutcome,
        project_id: int | None = None,
        looked: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        """Note what became of the message; a later delivery of it overwrites what became of the one before."""
        values = {"outcome": outcome, "looked": [dict(each) for each in looked]}
        fresh = {
            "id": new_id(),
            "stream": stream,
            "sequence": sequence,
            "projectId": project_id,
            "subject": subject,
            "payload": payload[:_MAX_BYTES],
            "receivedAt": now(),
            **values,
        }
        same = (RECEIVED_EVENT.c.stream == stream) & (RECEIVED_EVENT.c.sequence == sequence)
        async with self._db.write() as connection:
            if not await insert_new(connection, RECEIVED_EVENT, fresh):
                await connection.execute(update(RECEIVED_EVENT).where(same).values(**values))
            if project_id is not None:
                row = await first(connection, select(RECEIVED_EVENT.c.id).where(same))
                assert row is not None
                await note_change(connection, project_id, "event", row["id"])

    @shielded
    async def received_events(
        self,
        project_id: int,
        *,
        subject: str | None = None,
        outcome: EventOutcome | None = None,
        workflow: str | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> list[ReceivedEvent]:
        """The newest first; `after` is the cursor of the last one of the page before. Raises PayloadRefused.

        `workflow`: only events that it matched, out of the newest 1,000.
        """
        chosen = select(RECEIVED_EVENT).where(RECEIVED_EVENT.c.projectId == project_id)
        if subject is not None:
            chosen = chosen.where(RECEIVED_EVENT.c.subject == subject)
        if outcome is not None:
            chosen = chosen.where(RECEIVED_EVENT.c.outcome == outcome)
        if after is not None:
            chosen = chosen.where(_older_than(after))
        chosen = chosen.order_by(RECEIVED_EVENT.c.receivedAt.desc(), RECEIVED_EVENT.c.id.desc())
        async with self._db.read() as connection:
            found = await rows(connection, chosen.limit(limit if workflow is None else 1_000))
        events = [_event(row) for row in found]
        if workflow is None:
            return events
        return [each for each in events if _matched(each, workflow)][:limit]

    @shielded
    async def received_event(self, event_id: str, *, project_id: int) -> ReceivedEvent:
        """One of them, by its id or the beginning of it. Raises NotFound, also where a beginning fits several."""
        mine = select(RECEIVED_EVENT).where(RECEIVED_EVENT.c.projectId == project_id)
        async with self._db.read() as connection:
            found = await rows(connection, beginning_so(mine, RECEIVED_EVENT.c.id, event_id))
        hint = "list the events with `commandcenter events list`"
        return _event(the_one(found, what="the event", wanted=event_id, hint=hint))

    @shielded
    async def prune_received(self, before: datetime) -> int:
        """Delete what came in before that moment; returns how many."""
        async with self._db.write() as connection:
            old = delete(RECEIVED_EVENT).where(RECEIVED_EVENT.c.receivedAt < before)
            return (await connection.execute(old)).rowcount


def event_cursor(event: ReceivedEvent) -> str:
    """Where the event stands in the order of `received_events`, as an opaque text."""
    place = f"{event.received_at.isoformat()} {event.id}"
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def _older_than(cursor: str) -> ColumnElement[bool]:
    refused = PayloadRefused("the cursor is not one that a list of events has given: start from the first page")
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        moment, _, event_id = text.partition(" ")
        received = datetime.fromisoformat(moment)
    except (binascii.Error, UnicodeDecodeError, ValueError) as exc:
        raise refused from exc
    if not event_id or received.tzinfo is None:
        raise refused
    column = RECEIVED_EVENT.c.receivedAt
    return or_(column < received, (column == received) & (RECEIVED_EVENT.c.id < event_id))


def _matched(event: ReceivedEvent, workflow: str) -> bool:
    return any(each.get("workflow") == workflow and each.get("matched") for each in event.looked)


def _event(row: RowMapping) -> ReceivedEvent:
    return read_row(ReceivedEvent, row)
