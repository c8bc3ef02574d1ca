"""Which person a user of a Slack workspace is <-> the table SlackIdentity."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, delete, select

from records.database.ids import new_id
from records.database.store import Store, first, rows
from records.people.people_store import person_row, roles_of
from records.people.person import Identity, NotSignedIn
from records.people.signed_rows import is_current, keep, keep_gone, sign
from records.tables import PERSON, SLACK_IDENTITY
from records.tables.columns import now
from reliability.shielded import shielded


@dataclass(frozen=True, kw_only=True)
class SlackIdentity:
    """A user of Slack, and the person that they are here."""

    team_id: str
    """As Slack writes it: T…"""
    user_id: str
    """U… or W…"""
    person: str
    created_at: datetime
    created_by: str | None


class SlackStore(Store):
    """Maps users of Slack to people. Rows are signed: whoever can write to the database becomes nobody by it."""

    @shielded
    async def map_slack_user(self, team_id: str, user_id: str, name: str, *, by: str | None) -> SlackIdentity:
        """That user is that person from now on, and no other. Raises NotFound for a person who is not there."""
        async with self._db.write() as connection:
            person = await person_row(connection, name)
            row: dict[str, Any] = {
                "id": new_id(),
                "teamId": team_id,
                "userId": user_id,
                "personId": person["id"],
                "createdAt": now(),
                "createdBy": by,
            }
            row["signature"] = sign(connection, "slack", row)
            await connection.execute(delete(SLACK_IDENTITY).where(*_of(team_id, user_id)))
            await connection.execute(SLACK_IDENTITY.insert().values(**row))
            await keep(connection, "slack", row, by=by)
        return _identity(row, person["name"])

    @shielded
    async def unmap_slack_user(self, team_id: str, user_id: str) -> bool:
        """That user is nobody from now on; False if they were."""
        async with self._db.write() as connection:
            gone = await connection.execute(delete(SLACK_IDENTITY).where(*_of(team_id, user_id)))
            await keep_gone(connection, "slack", {"teamId": team_id, "userId": user_id})
        return gone.rowcount > 0

    @shielded
    async def slack_users(self) -> list[SlackIdentity]:
        """All of them, by person."""
        chosen = select(SLACK_IDENTITY, PERSON.c.name).join(PERSON, PERSON.c.id == SLACK_IDENTITY.c.personId)
        async with self._db.read() as connection:
            found = await rows(connection, chosen.order_by(PERSON.c.nameKey, SLACK_IDENTITY.c.userId))
        return [_identity(row, row["name"]) for row in found]

    @shielded
    async def identify_slack_user(self, team_id: str, user_id: str) -> Identity | NotSignedIn:
        """Who that user is, with the roles they have now."""
        async with self._db.read() as connection:
            row = await first(connection, select(SLACK_IDENTITY).where(*_of(team_id, user_id)))
            if row is None:
                return NotSignedIn(reason="unknown")
            if not await is_current(connection, "slack", row):
                return NotSignedIn(reason="forged")
            person = await first(connection, select(PERSON).where(PERSON.c.id == row["personId"]))
            assert person is not None
            roles = await roles_of(connection, person["id"], person["name"])
        if not roles:
            return NotSignedIn(reason="no role")
        return Identity(name=person["name"], roles=roles, token_id="")


def _of(team_id: str, user_id: str) -> list[Any]:
    return [SLACK_IDENTITY.c.teamId == team_id, SLACK_IDENTITY.c.userId == user_id]


def _identity(row: RowMapping | dict[str, Any], person: str) -> SlackIdentity:
    return SlackIdentity(
        team_id=row["teamId"],
        user_id=row["userId"],
        person=person,
        created_at=row["createdAt"],
        created_by=row["createdBy"],
    )
