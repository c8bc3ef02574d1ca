"""Received messages -> handled once, however often they are delivered, or dead letters with the reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import RowMapping, func, select, update

from observability.metrics.definitions import DEAD_LETTER_REASONS, DEAD_LETTERS, EVENT_TO_RUN, Sample
from records.database.beginnings import beginning_so, the_one
from records.database.ids import new_id
from records.database.payload import line
from records.database.read_row import read_row
from records.database.signing import signer_of
from records.database.store import Store, first, insert_new, rows
from records.events.changes import note_change
from records.measures.ended import count_late_arrival, milliseconds
from records.measures.spans import keep_origin, trace_intake
from records.measures.totals import count
from records.tables import DEAD_LETTER, PROCESSED_EVENT
from records.tables.columns import now, stored
from reliability.shielded import shielded

_MAX_LETTER_BYTES = 1024 * 1024
EVENT_FIELDS = ("stream", "sequence", "workflow", "projectId", "subject", "flowRunId", "contextDigest")


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """A message that could not be handled."""

    id: str
    stream: str
    sequence: int
    project_id: int | None
    subject: str
    payload: bytes
    reason: str
    deliveries: int
    created_at: datetime
    settled_as: str | None = None
    """`replayed` or `discarded`, once a person has dealt with it."""
    settled_by: str | None = None
    settled_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class StartingEvent:
    """The message that started a run."""

    subject: str
    context_digest: str | None
    """Of the context that the run was given for it."""


class InboxStore(Store):
    """The inbox and the dead letters.

    `stream` should tell a stream from one made anew under its name (by its creation time): sequences begin again.
    """

    @shielded
    async def record_event(
        self,
        stream: str,
        sequence: int,
        *,
        subject: str,
        workflow: str = "",
        project_id: int | None = None,
        flow_run_id: str | None = None,
        context_digest: str | None = None,
        received_at: datetime | None = None,
        traceparent: str | None = None,
    ) -> bool:
        """Note that the message was handled (for that workflow); False where it was noted before.

        `context_digest`: of what the run begins with that it started; `received_at`: when NATS got it, which is
        counted until now; `traceparent`: the trace that it came with.
        """
        row = {
            "id": new_id(),
            "stream": stream,
            "sequence": sequence,
            "workflow": workflow,
            "projectId": project_id,
            "subject": subject,
            "flowRunId": flow_run_id,
            "contextDigest": context_digest,
        }
        async with self._db.write() as connection:
            if flow_run_id is not None:
                row["signature"] = signer_of(connection).sign("event", row, EVENT_FIELDS)
            if not await insert_new(connection, PROCESSED_EVENT, row):
                return False
            if flow_run_id is not None and received_at is not None:
                received_at = stored(received_at)
                await keep_origin(connection, flow_run_id, received_at=received_at, traceparent=traceparent)
                await trace_intake(connection, row, received_at=received_at)
                waited = milliseconds(received_at, now())
                sample = Sample(metric=EVENT_TO_RUN, labels=(workflow,), value=waited)
                await count(connection, sample, flow_run_id=flow_run_id)
                await count_late_arrival(connection, flow_run_id, received_at)
            return True

    @shielded
    async def event_recorded(self, stream: str, sequence: int, *, workflow: str = "") -> bool:
        """Whether the message was handled (for that workflow)."""
        same = select(PROCESSED_EVENT.c.id).where(
            PROCESSED_EVENT.c.stream == stream,
            PROCESSED_EVENT.c.sequence == sequence,
            PROCESSED_EVENT.c.workflow == workflow,
        )
        async with self._db.read() as connection:
            return await first(connection, same) is not None

    @shielded
    async def starting_event(self, flow_run_id: str, *, workflow: str, project_id: int) -> StartingEvent | None:
        """The message that started the flow run as one of that workflow; None if none did: parameters prove nothing.

        Only what the platform noted counts: a gate may be passed for it. A note is for its workflow alone: whoever can
        change a deployment in Prefect can have another one take the run over, whose filter the event did not pass.
        """
        mine = select(PROCESSED_EVENT).where(
            PROCESSED_EVENT.c.flowRunId == flow_run_id,
            PROCESSED_EVENT.c.workflow == workflow,
            PROCESSED_EVENT.c.projectId == project_id,
        )
        async with self._db.read() as connection:
            signer = signer_of(connection)
            noted = [row for row in await rows(connection, mine) if signer.signed("event", row, EVENT_FIELDS)]
        if not noted:
            return None
        return StartingEvent(subject=noted[0]["subject"], context_digest=noted[0]["contextDigest"])

    @shielded
    async def dead_letter(
        self,
        stream: str,
        sequence: int,
        *,
        subject: str,
        payload: bytes,
        reason: str,
        project_id: int | None = None,
        deliveries: int = 0,
        kind: str = "error",
    ) -> bool:
        """Record the message (its first MiB) and why it was given up; False if it is recorded already.

        `kind`: one of `DEAD_LETTER_REASONS`, by which it is counted. Raises ValueError for another one.
        """
        if kind not in DEAD_LETTER_REASONS:
            raise ValueError(f"{kind!r} is not one of {', '.join(DEAD_LETTER_REASONS)}")
        row = {
            "id": new_id(),
            "stream": stream,
            "sequence": sequence,
            "projectId": project_id,
            "subject": subject,
            "payload": payload[:_MAX_LETTER_BYTES],
            "reason": line(reason),
            "deliveries": deliveries,
        }
        async with self._db.write() as connection:
            fresh = await insert_new(connection, DEAD_LETTER, row)
            if fresh:
                await count(connection, Sample(metric=DEAD_LETTERS, labels=(kind,)))
            return fresh

    @shielded
    async def dead_letters(
        self,
        project_id: int | None = None,
        *,
        limit: int = 100,
        settled: bool | None = None,
        of_no_project: bool = False,
    ) -> list[DeadLetter]:
        """The newest ones, of one project or (None) of all; only those that are (not) settled, or (None) all.

        `of_no_project`: only those from which no project could be read.
        """
        chosen = select(DEAD_LETTER).order_by(DEAD_LETTER.c.createdAt.desc(), DEAD_LETTER.c.sequence.desc())
        if settled is not None:
            mark = DEAD_LETTER.c.settledAt
            chosen = chosen.where(mark.is_not(None) if settled else mark.is_(None))
        if of_no_project:
            chosen = chosen.where(DEAD_LETTER.c.projectId.is_(None))
        elif project_id is not None:
            chosen = chosen.where(DEAD_LETTER.c.projectId == project_id)
        async with self._db.read() as connection:
            found = await rows(connection, chosen.limit(limit))
        return [_letter(row) for row in found]

    @shielded
    async def one_dead_letter(self, letter_id: str, *, project_id: int | None) -> DeadLetter:
        """One of the project, or (None) one that named no project, by its id or the beginning of it.

        Raises NotFound, also where a beginning fits several.
        """
        mine = select(DEAD_LETTER).where(DEAD_LETTER.c.projectId == project_id)
        async with self._db.read() as connection:
            found = await rows(connection, beginning_so(mine, DEAD_LETTER.c.id, letter_id))
        hint = "list them with `commandcenter dead-letters list`"
        return _letter(the_one(found, what="the dead letter", wanted=letter_id, hint=hint))

    @shielded
    async def settle_dead_letter(
        self, letter_id: str, *, project_id: int | None, settled_as: Literal["replayed", "discarded"], by: str
    ) -> bool:
        """Note that a person has dealt with it; False, and nothing changed, where somebody had."""
        open_one = (DEAD_LETTER.c.id == letter_id) & (DEAD_LETTER.c.projectId == project_id)
        values = {"settledAs": settled_as, "settledBy": line(by, 200), "settledAt": now()}
        change = update(DEAD_LETTER).where(open_one, DEAD_LETTER.c.settledAt.is_(None)).values(**values)
        async with self._db.write() as connection:
            if (await connection.execute(change)).rowcount != 1:
                return False
            if project_id is not None:
                await note_change(connection, project_id, "event", letter_id)
        return True

    @shielded
    async def count_dead_letters(self) -> int:
        """How many there are in all."""
        async with self._db.read() as connection:
            row = await first(connection, select(func.count().label("n")).select_from(DEAD_LETTER))
        return 0 if row is None else int(row["n"])


def _letter(row: RowMapping) -> DeadLetter:
    return read_row(DeadLetter, row)
