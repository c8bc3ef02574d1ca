"""Changes that need a second person <-> the table ChangeRequest: asked for by one, confirmed by another, used once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from records.database.ids import new_id
from records.database.payload import MAX_NOTES, line
from records.database.person_key import person_key
from records.database.read_row import read_row
from records.database.store import Store, first, rows
from records.errors import NotFound, RecordsError
from records.people.signed_rows import current, is_current, keep, sign
from records.tables import CHANGE_REQUEST
from records.tables.columns import now
from reliability.shielded import shielded


class SamePerson(RecordsError):
    """Who asked for a change cannot confirm it."""


@dataclass(frozen=True, kw_only=True)
class ChangeRequest:
    """A change that waits for a second person, or has one."""

    id: str
    project_id: int
    kind: str
    digest: str
    """Of exactly what would be changed."""
    summary: str
    requested_by: str
    requested_at: datetime
    confirmed_by: str | None
    confirmed_at: datetime | None
    used_at: datetime | None


class ChangeRequestStore(Store):
    """Keeps these requests. A row that the platform did not write counts for nothing."""

    @shielded
    async def request_change(
        self, *, project_id: int, kind: str, digest: str, summary: str, by: str
    ) -> ChangeRequest:
        """Ask a second person; the same change asked for again by the same person is one request."""
        async with self._db.write() as connection:
            for row in await _open(connection, project_id, kind, digest):
                if person_key(row["requestedBy"]) == person_key(by):
                    return _request(row)
            values: dict[str, Any] = {
                "id": new_id(),
                "projectId": project_id,
                "kind": kind,
                "digest": digest,
                "summary": line(summary, MAX_NOTES),
                "requestedBy": by,
                "requestedAt": now(),
                "confirmedBy": None,
                "confirmedAt": None,
                "usedAt": None,
            }
            values["signature"] = sign(connection, "change", values)
            await connection.execute(CHANGE_REQUEST.insert().values(**values))
        return _request(values)

    @shielded
    async def confirm_change(self, request_id: str, *, project_id: int, by: str) -> ChangeRequest:
        """Confirm it as another person than the one who asked. Raises NotFound and SamePerson."""
        async with self._db.write() as connection:
            begun = CHANGE_REQUEST.c.id.startswith(request_id, autoescape=True)
            mine = begun & (CHANGE_REQUEST.c.projectId == project_id) & CHANGE_REQUEST.c.usedAt.is_(None)
            found = await rows(connection, select(CHANGE_REQUEST).where(mine).limit(2)) if request_id else []
            if len(found) != 1 or not await is_current(connection, "change", found[0]):
                raise NotFound("the change", request_id, "see `commandcenter changes list` for those that wait")
            row = found[0]
            if person_key(row["requestedBy"]) == person_key(by):
                raise SamePerson(f"{by!r} asked for this change and cannot confirm it: another person must")
            return _request(await _update(connection, row, confirmedBy=by, confirmedAt=now()))

    @shielded
    async def use_confirmed_change(self, *, project_id: int, kind: str, digest: str, by: str) -> bool:
        """Whether another person than `by` has confirmed exactly this, which is used up by that."""
        async with self._db.write() as connection:
            for row in await _open(connection, project_id, kind, digest):
                people = {person_key(name) for name in (row["requestedBy"], row["confirmedBy"]) if name}
                if row["confirmedBy"] is not None and person_key(by) in people and len(people) == 2:
                    await _update(connection, row, usedAt=now())
                    return True
        return False

    @shielded
    async def change_requests(self, project_id: int, *, limit: int = 200) -> list[ChangeRequest]:
        """Those that were not used yet, oldest first."""
        mine = (CHANGE_REQUEST.c.projectId == project_id) & CHANGE_REQUEST.c.usedAt.is_(None)
        chosen = select(CHANGE_REQUEST).where(mine).order_by(CHANGE_REQUEST.c.requestedAt).limit(limit)
        async with self._db.read() as connection:
            found = await rows(connection, chosen)
            return [_request(row) for _, row in await current(connection, (("change", row) for row in found))]


async def _open(connection: AsyncConnection, project_id: int, kind: str, digest: str) -> list[Mapping[Any, Any]]:
    mine = (CHANGE_REQUEST.c.projectId == project_id) & (CHANGE_REQUEST.c.digest == digest)
    chosen = select(CHANGE_REQUEST).where(mine, CHANGE_REQUEST.c.kind == kind, CHANGE_REQUEST.c.usedAt.is_(None))
    if connection.dialect.name == "postgresql":
        chosen = chosen.with_for_update()
    found = await rows(connection, chosen)
    return [row for _, row in await current(connection, (("change", row) for row in found))]


async def _update(connection: AsyncConnection, row: Mapping[Any, Any], **values: Any) -> RowMapping:
    values["signature"] = sign(connection, "change", {**row, **values})
    mine = CHANGE_REQUEST.c.id == row["id"]
    await connection.execute(update(CHANGE_REQUEST).where(mine).values(**values))
    await keep(connection, "change", {**row, **values}, project_id=row["projectId"])
    changed = await first(connection, select(CHANGE_REQUEST).where(mine))
    assert changed is not None
    return changed


def _request(row: Any) -> ChangeRequest:
    return read_row(ChangeRequest, row)
