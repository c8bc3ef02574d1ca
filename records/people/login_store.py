"""Who somebody is for a provider of sign-ins <-> the table PersonLogin, and the roles that their groups give them.

A person is found by issuer and subject, never by name: many providers let people choose their names, and approvals
count by name. A name that somebody else has already is refused until it has been linked by hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from records.approvals.newest_rows import newest_states
from records.database.store import Store, first, insert_new, rows
from records.errors import NameRefused
from records.people.people_store import new_person, person_record, person_row
from records.people.person import PersonRecord, Role
from records.people.signed_rows import is_current, keep, sign, subject
from records.tables import PERSON, PERSON_LOGIN, PERSON_ROLE
from records.tables.columns import now
from reliability.shielded import shielded

_MAX_SUBJECT = 255
"""OpenID Connect's own limit."""


class LoginStore(Store):
    """Links people to a provider, and takes over the roles of their groups at each sign-in."""

    @shielded
    async def link_login(self, name: str, *, issuer: str, subject: str, by: str | None) -> PersonRecord:
        """Let who is `subject` for that provider sign in as that person. Raises NotFound and NameRefused."""
        _check(subject)
        async with self._db.write() as connection:
            person = await person_row(connection, name)
            await _link(connection, person, issuer=issuer, subject=subject, by=by)
            return await person_record(connection, person)

    @shielded
    async def sign_in_person(
        self,
        *,
        issuer: str,
        subject: str,
        name: str,
        roles: Mapping[int, Iterable[Role]],
        until: datetime,
    ) -> PersonRecord:
        """Who that is, with these roles by project until then, in place of those of the sign-in before.

        Roles that were given by hand stay. Somebody without any role is made neither a person nor linked.
        Raises NameRefused for a name that another person has.
        """
        _check(subject)
        until = until.replace(microsecond=0)
        async with self._db.write() as connection:
            person = await _linked(connection, issuer, subject)
            if person is None:
                fresh = new_person(name, by=issuer)
                if not any(roles.values()):
                    raise NameRefused(f"{name!r:.60} has no role here: none of the groups is mapped to one")
                if not await insert_new(connection, PERSON, fresh):
                    raise NameRefused(
                        f"somebody else is called {name!r:.60} here: an admin links them, if they are the same person, "
                        f"with `commandcenter people link`"
                    )
                person = await person_row(connection, name)
                await _link(connection, person, issuer=issuer, subject=subject, by=issuer)
            await _take_roles(connection, person, roles, until=until, by=issuer)
            return await person_record(connection, person)


def _check(subject: str) -> None:
    if not 0 < len(subject) <= _MAX_SUBJECT or not subject.isprintable():
        raise NameRefused(f"a subject has 1 to {_MAX_SUBJECT} printable characters")


async def _linked(connection: AsyncConnection, issuer: str, subject: str) -> RowMapping | None:
    """The person who is linked to that subject; a row that the platform did not write links nobody."""
    mine = (PERSON_LOGIN.c.issuer == issuer) & (PERSON_LOGIN.c.subject == subject)
    login = await first(connection, select(PERSON_LOGIN).where(mine))
    if login is None:
        return None
    person = await first(connection, select(PERSON).where(PERSON.c.id == login["personId"]))
    assert person is not None
    if not await is_current(connection, "login", {**login, "name": person["name"]}):
        raise NameRefused("the row that links this person was not written by the platform: link it again")
    return person


async def _link(
    connection: AsyncConnection, person: RowMapping, *, issuer: str, subject: str, by: str | None
) -> None:
    row: dict[str, Any] = {"issuer": issuer, "subject": subject, "personId": person["id"], "createdBy": by}
    row |= {"createdAt": now(), "signature": sign(connection, "login", {**row, "name": person["name"]})}
    mine = (PERSON_LOGIN.c.issuer == issuer) & (PERSON_LOGIN.c.subject == subject)
    await connection.execute(delete(PERSON_LOGIN).where(mine))
    await connection.execute(PERSON_LOGIN.insert().values(**row))
    await keep(connection, "login", {**row, "name": person["name"]}, by=by)


async def _take_roles(
    connection: AsyncConnection,
    person: RowMapping,
    roles: Mapping[int, Iterable[Role]],
    *,
    until: datetime,
    by: str,
) -> None:
    mine = PERSON_ROLE.c.personId == person["id"]
    await connection.execute(delete(PERSON_ROLE).where(mine, PERSON_ROLE.c.expiresAt.is_not(None)))
    held = {(row["projectId"], row["role"]) for row in await rows(connection, select(PERSON_ROLE).where(mine))}
    for project, names in roles.items():
        for role in names:
            if (project, role) in held:
                continue
            row: dict[str, Any] = {
                "personId": person["id"],
                "projectId": project,
                "role": role,
                "grantedAt": now(),
                "grantedBy": by,
                "expiresAt": until,
            }
            named = {**row, "name": person["name"]}
            row["signature"] = sign(connection, "role-until", named)
            await connection.execute(PERSON_ROLE.insert().values(**row))
            # Where it was taken away before, that was the last word; else its end says when a copy is worth nothing.
            if await newest_states(connection, [subject("role-until", named)]):
                await keep(connection, "role-until", named, by=by, project_id=project)
