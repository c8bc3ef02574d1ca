"""Who publishes events of which project <-> the table EventPublisher."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from records.approvals.newest_rows import keep_newest, newest_states
from records.database.ids import new_id, subject_token
from records.database.signing import Signer, signer_of
from records.database.store import Store, first, rows
from records.errors import NameRefused, NotFound
from records.tables import EVENT_PUBLISHER
from records.tables.columns import now
from reliability.shielded import shielded

_SIGNED = ("id", "name", "projectId", "passwordHash", "revokedAt")


@dataclass(frozen=True, kw_only=True)
class PublisherRecord:
    """A program that publishes events of one project."""

    name: str
    project_id: int
    password_hash: str
    """bcrypt, as NATS takes it."""
    created_at: datetime
    created_by: str | None
    revoked_at: datetime | None


class PublisherStore(Store):
    """Adds, lists and revokes publishers."""

    @shielded
    async def add_publisher(
        self,
        name: str,
        *,
        project_id: int,
        password_hash: str,
        by: str | None = None,
        replace: bool = False,
    ) -> PublisherRecord:
        """Record a publisher. Raises NameRefused for a name that is taken, also by one that was revoked.

        `replace`: one of that name and project gets another password instead.
        """
        subject_token("publisher", name)
        async with self._db.write() as connection:
            taken = await first(connection, select(EVENT_PUBLISHER).where(EVENT_PUBLISHER.c.name == name))
            if taken is not None:
                if not replace:
                    # Not whose: names are those of NATS users, and so of all projects.
                    raise NameRefused(f"the name {name!r} is taken by a publisher: choose another name")
                same = {"projectId": project_id, "passwordHash": password_hash, "revokedAt": None}
                if await _counts(connection, [taken]) and same.items() <= dict(taken).items():
                    return _publisher(taken)
                await connection.execute(delete(EVENT_PUBLISHER).where(EVENT_PUBLISHER.c.name == name))
            row: dict[str, Any] = {
                "id": new_id(),
                "name": name,
                "projectId": project_id,
                "passwordHash": password_hash,
                "createdAt": now(),
                "createdBy": by,
                "revokedAt": None,
                "revokedBy": None,
            }
            row["signature"] = signer_of(connection).sign("publisher", row, _SIGNED)
            await connection.execute(EVENT_PUBLISHER.insert().values(**row))
            if taken is not None:
                await _keep(connection, row, by=by)
        return _publisher(row)

    @shielded
    async def publishers(self, project_id: int | None = None, *, revoked: bool = False) -> list[PublisherRecord]:
        """Those that the platform has made and, unless `revoked`, that may still publish, by name."""
        chosen = select(EVENT_PUBLISHER).order_by(EVENT_PUBLISHER.c.name)
        if project_id is not None:
            chosen = chosen.where(EVENT_PUBLISHER.c.projectId == project_id)
        if not revoked:
            chosen = chosen.where(EVENT_PUBLISHER.c.revokedAt.is_(None))
        async with self._db.read() as connection:
            return [_publisher(row) for row in await _counts(connection, await rows(connection, chosen))]

    @shielded
    async def revoke_publisher(self, name: str, *, by: str | None = None) -> PublisherRecord:
        """Let it publish nothing any more. Raises NotFound."""
        async with self._db.write() as connection:
            mine = EVENT_PUBLISHER.c.name == name
            found = await first(connection, select(EVENT_PUBLISHER).where(mine))
            if found is None:
                raise NotFound("the publisher", name, "see `commandcenter publishers list`")
            row = {**found, "revokedAt": found["revokedAt"] or now(), "revokedBy": by}
            row["signature"] = signer_of(connection).sign("publisher", row, _SIGNED)
            changed = {name: row[name] for name in ("revokedAt", "revokedBy", "signature")}
            await connection.execute(update(EVENT_PUBLISHER).where(mine).values(**changed))
            await _keep(connection, row, by=by)
        return _publisher(row)


async def sign_publishers_again(connection: AsyncConnection) -> int:
    """Those that the platform has made, signed with the first key; how many rows have changed."""
    signer, changed = signer_of(connection), 0
    for row in await rows(connection, select(EVENT_PUBLISHER)):
        signature = signer.sign("publisher", row, _SIGNED)
        if signer.signed("publisher", row, _SIGNED) and signature != row["signature"]:
            mine = EVENT_PUBLISHER.c.id == row["id"]
            await connection.execute(update(EVENT_PUBLISHER).where(mine).values(signature=signature))
            changed += 1
    return changed


async def _counts(connection: AsyncConnection, found: Sequence[RowMapping]) -> list[RowMapping]:
    """Those that the platform wrote, and neither revoked nor gave another password since."""
    signer = signer_of(connection)
    signed = [row for row in found if signer.signed("publisher", row, _SIGNED)]
    newest = await newest_states(connection, (_subject(row) for row in signed))
    return [row for row in signed if newest.get(_subject(row)) in (None, _state(row))]


async def _keep(connection: AsyncConnection, row: Mapping[Any, Any], *, by: str | None) -> None:
    """From now on only this counts for the name."""
    await keep_newest(connection, _subject(row), _state(row), project_id=row["projectId"], by=by)


def _subject(row: Mapping[Any, Any]) -> str:
    return f"publisher:{row['name']}"


def _state(row: Mapping[Any, Any]) -> str:
    return Signer.state("publisher", row, _SIGNED)


def _publisher(row: Mapping[Any, Any]) -> PublisherRecord:
    return PublisherRecord(
        name=row["name"],
        project_id=row["projectId"],
        password_hash=row["passwordHash"],
        created_at=row["createdAt"],
        created_by=row["createdBy"],
        revoked_at=row["revokedAt"],
    )
