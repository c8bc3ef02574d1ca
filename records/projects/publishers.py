"""Who publishes events of which project <-> the table EventPublisher."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update

from records.database.ids import new_id, subject_token
from records.database.signing import signer_of
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
            signer = signer_of(connection)
            found = await rows(connection, chosen)
            return [_publisher(row) for row in found if signer.signed("publisher", row, _SIGNED)]

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
        return _publisher(row)


def _publisher(row: Mapping[Any, Any]) -> PublisherRecord:
    return PublisherRecord(
        name=row["name"],
        project_id=row["projectId"],
        password_hash=row["passwordHash"],
        created_at=row["createdAt"],
        created_by=row["createdBy"],
        revoked_at=row["revokedAt"],
    )
