"""What happens to an approval -> a row in the audit, which the database does not allow to change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import RowMapping, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from records.approvals.approval import AuditEntry
from records.approvals.audit_chain import FIRST, ChainCheck, ChainReport, entry_hash
from records.database.payload import MAX_NOTES, line
from records.database.read_row import read_row
from records.database.store import Store, first, rows
from records.tables import APPROVAL_AUDIT, PROJECT_LIMITS
from records.tables.columns import now
from reliability.shielded import shielded

ROW_EVENT = "row"
"""Entries that say what counts for a row; see `newest_rows`."""
_MAX_NAME = 200
_PAGE = 1_000
_CHAIN_LOCK = text(f'LOCK TABLE "{PROJECT_LIMITS.name}" IN SHARE UPDATE EXCLUSIVE MODE')
"""Entries are appended one after the other.

Not an advisory lock: whoever may connect could hold that for ever, also a login that only reads, and nothing would be
decided any more. This one takes the right to write. It is on a small table that is hardly ever written, and keeps
nobody from reading or writing its rows.
"""


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Who acts, as far as the channel knows."""

    name: str | None
    verified: bool = False
    channel: str | None = None


NOBODY = Actor(name=None)
"""The clock, or the platform itself."""


class AuditStore(Store):
    """Reads the audit."""

    @shielded
    async def audit_trail(
        self,
        *,
        run_id: str | None = None,
        approval_id: str | None = None,
        project_id: int | None = None,
        limit: int = 1_000,
    ) -> list[AuditEntry]:
        """What happened to approvals and runs, oldest first."""
        happened = select(APPROVAL_AUDIT).where(APPROVAL_AUDIT.c.event != ROW_EVENT)
        chosen = happened.order_by(APPROVAL_AUDIT.c.id).limit(limit)
        wanted = {"workflowRunId": run_id, "approvalId": approval_id, "projectId": project_id}
        for column, value in wanted.items():
            if value is not None:
                chosen = chosen.where(APPROVAL_AUDIT.c[column] == value)
        async with self._db.read() as connection:
            return [_entry(row) for row in await rows(connection, chosen)]

    async def verify_audit(self, *, expected_head: str | None = None) -> ChainReport:
        """Verify the whole chain, of all projects."""
        check, after = ChainCheck(), 0
        while page := await self.audit_page(after=after, limit=_PAGE):
            check.add(page)
            after = page[-1]["id"]
        return check.report(expected_head=expected_head)

    @shielded
    async def audit_page(self, *, after: int, limit: int) -> list[dict[str, Any]]:
        """Entries with their hashes, as stored, after entry number `after`."""
        chosen = select(APPROVAL_AUDIT).where(APPROVAL_AUDIT.c.id > after)
        async with self._db.read() as connection:
            found = await rows(connection, chosen.order_by(APPROVAL_AUDIT.c.id).limit(limit))
        return [dict(row) for row in found]


async def append_audit(
    connection: AsyncConnection, row: RowMapping, event: str, actor: Actor = NOBODY, *, notes: str | None = None
) -> None:
    """Append an entry about the approval `row`."""
    about = {
        "approvalId": row["id"],
        "workflowRunId": row["workflowRunId"],
        "nodeKey": row["nodeKey"] or row["nodeId"],
        "projectId": row["projectId"],
        "digest": row["digest"],
    }
    await _append(connection, about, event, actor, notes=notes)


async def was_viewed(connection: AsyncConnection, row: RowMapping, actor: Actor) -> bool:
    """Whether the audit has it already that this person viewed the approval `row` by this channel."""
    audit = APPROVAL_AUDIT.c
    seen = select(audit.id).where(
        audit.approvalId == row["id"],
        audit.event == "viewed",
        audit.by == line(actor.name, _MAX_NAME),
        audit.channel == line(actor.channel, _MAX_NAME),
        audit.verified == actor.verified,
        audit.digest == row["digest"],
    )
    return await first(connection, seen.limit(1)) is not None


async def append_run_audit(
    connection: AsyncConnection, run: RowMapping, event: str, actor: Actor, *, notes: str = ""
) -> None:
    """Append an entry about the run as a whole, which must be locked: it names no approval and no node."""
    about = {
        "approvalId": "",
        "workflowRunId": run["id"],
        "nodeKey": "",
        "projectId": run["projectId"],
        "digest": run["planDigest"],
    }
    await _append(connection, about, event, actor, notes=notes)


async def append_row_audit(
    connection: AsyncConnection,
    subject: str,
    event: str,
    actor: Actor,
    *,
    project_id: int,
    digest: str,
    notes: str,
) -> None:
    """Append an entry about a row of any kind, by its name, which stands where else the approval's id is."""
    about = {
        "approvalId": subject,
        "workflowRunId": "",
        "nodeKey": "",
        "projectId": project_id,
        "digest": digest,
    }
    await _append(connection, about, event, actor, notes=notes)


async def _append(
    connection: AsyncConnection, about: dict[str, Any], event: str, actor: Actor, *, notes: str | None
) -> None:
    values = {
        **about,
        "event": event,
        "by": line(actor.name, _MAX_NAME),
        "verified": actor.verified,
        "channel": line(actor.channel, _MAX_NAME),
        "notes": line(notes, MAX_NOTES),
        "at": now(),
    }
    previous = await _last_hash(connection)
    values |= {"previousHash": previous, "hash": entry_hash(values, previous)}
    await connection.execute(APPROVAL_AUDIT.insert().values(**values))


async def lock_audit(connection: AsyncConnection) -> None:
    """Nobody else appends until this transaction ends."""
    if connection.dialect.name == "postgresql":
        await connection.execute(_CHAIN_LOCK)


async def _last_hash(connection: AsyncConnection) -> str:
    """The hash of the last entry; no other writer appends until this transaction ends.

    Always taken after the lock on a run, never before one, so that two writers cannot wait for each other.
    """
    await lock_audit(connection)
    newest = select(APPROVAL_AUDIT.c.hash).order_by(APPROVAL_AUDIT.c.id.desc()).limit(1)
    row = await first(connection, newest)
    return FIRST if row is None or row["hash"] is None else str(row["hash"])


def _entry(row: RowMapping) -> AuditEntry:
    return read_row(AuditEntry, row)
