"""People and their roles <-> the tables Person and PersonRole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import RowMapping, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from records.approvals.newest_rows import subjects_with
from records.database.ids import new_id
from records.database.person_key import person_key
from records.database.store import Store, first, insert_new, rows
from records.errors import NameRefused, NotFound
from records.people.person import ROLES, PersonRecord, Role
from records.people.signed_rows import current, is_signed, keep, keep_gone, sign, subject
from records.tables import PERSON, PERSON_ROLE
from records.tables.columns import now
from reliability.shielded import shielded

_MAX_NAME = 200


class PeopleStore(Store):
    """Adds people, gives and takes roles."""

    @shielded
    async def add_person(
        self, name: str, *, project_id: int, roles: Iterable[Role], by: str | None = None
    ) -> PersonRecord:
        """Give these roles to the person of that name, who is made where there is none. Raises NameRefused."""
        fresh = new_person(name, by=by)
        async with self._db.write() as connection:
            await insert_new(connection, PERSON, fresh)
            person = await person_row(connection, name)
            for role in roles:
                row: dict[str, Any] = {
                    "personId": person["id"],
                    "projectId": project_id,
                    "role": role,
                    "grantedAt": now(),
                    "grantedBy": by,
                    "expiresAt": None,
                }
                row["signature"] = sign(connection, "role", {**row, "name": person["name"]})
                # In place of a row that somebody else wrote.
                await connection.execute(delete(PERSON_ROLE).where(*_this_role(row)))
                await connection.execute(PERSON_ROLE.insert().values(**row))
                await keep(connection, "role", {**row, "name": person["name"]}, by=by, project_id=project_id)
            return await person_record(connection, person)

    @shielded
    async def people(self, project_id: int | None = None) -> list[PersonRecord]:
        """Everybody, by name; with a project, those who have a role in it."""
        async with self._db.read() as connection:
            found = [
                await person_record(connection, row)
                for row in await rows(connection, select(PERSON).order_by(PERSON.c.nameKey))
            ]
        return [each for each in found if project_id is None or project_id in each.roles]

    @shielded
    async def withdraw_roles(
        self, name: str, *, project_id: int | None = None, roles: Iterable[Role] | None = None
    ) -> PersonRecord:
        """Take roles away: these, or all; in that project, or in all. It counts from the next request on."""
        roles = None if roles is None else tuple(roles)
        async with self._db.write() as connection:
            person = await person_row(connection, name)
            gone = delete(PERSON_ROLE).where(PERSON_ROLE.c.personId == person["id"])
            if project_id is not None:
                gone = gone.where(PERSON_ROLE.c.projectId == project_id)
            if roles is not None:
                gone = gone.where(PERSON_ROLE.c.role.in_(list(roles)))
            for row in await _withdrawn(connection, person["id"], project_id, roles):
                # Also where it is not there now: a copy of it may come back.
                await keep_gone(connection, "role", row, project_id=row["projectId"])
            await connection.execute(gone)
            return await person_record(connection, person)


def new_person(name: str, *, by: str | None) -> dict[str, Any]:
    """The row of a person of that name. Raises NameRefused."""
    shown = " ".join(name.split())
    key = person_key(shown)
    if not key or len(shown) > _MAX_NAME or not name.isprintable():
        raise NameRefused(f"a person's name has 1 to {_MAX_NAME} printable characters, {name!r:.60} has not")
    return {"id": new_id(), "name": shown, "nameKey": key, "createdAt": now(), "createdBy": by}


async def person_row(connection: AsyncConnection, name: str) -> RowMapping:
    """The row of the person with that name. Raises NotFound."""
    row = await first(connection, select(PERSON).where(PERSON.c.nameKey == person_key(name)))
    if row is None:
        hint = "`commandcenter people list` names who is, `commandcenter people add` adds one"
        raise NotFound("the person", name, hint)
    return row


async def roles_of(connection: AsyncConnection, person_id: str, name: str) -> dict[int, tuple[Role, ...]]:
    """Project -> roles that the platform gave to that person under that name."""
    chosen = select(PERSON_ROLE).where(PERSON_ROLE.c.personId == person_id)
    found: dict[int, list[Role]] = {}
    held = [
        (role_kind(row), {**row, "name": name})
        for row in await rows(connection, chosen.order_by(PERSON_ROLE.c.projectId))
        if row["role"] in ROLES and (row["expiresAt"] is None or row["expiresAt"] > now())
    ]
    for _, row in await current(connection, held):
        found.setdefault(row["projectId"], []).append(row["role"])
    return {project: tuple(sorted(roles, key=ROLES.index)) for project, roles in found.items()}


def is_role(connection: AsyncConnection, row: Mapping[Any, Any]) -> bool:
    """Whether the platform gave the role of that row, with the person's `name`; it may have ended since."""
    return is_signed(connection, role_kind(row), row)


def role_kind(row: Mapping[Any, Any]) -> str:
    """What the role's row is signed as: one that ends is another kind than one that was given by hand."""
    return "role" if row["expiresAt"] is None else "role-until"


async def _withdrawn(
    connection: AsyncConnection, person_id: str, project_id: int | None, roles: Iterable[Role] | None
) -> list[dict[str, Any]]:
    """The roles that shall be gone: those that are named, or else all that the person has or was given."""
    if project_id is not None:
        named = ROLES if roles is None else list(roles)
        return [{"personId": person_id, "projectId": project_id, "role": role} for role in named]
    there = await rows(connection, select(PERSON_ROLE).where(PERSON_ROLE.c.personId == person_id))
    found = {(row["projectId"], str(row["role"])) for row in there}
    begin = subject("role", {"personId": person_id, "projectId": "", "role": ""}).removesuffix(":")
    for each in await subjects_with(connection, begin):
        project, _, role = each.removeprefix(begin).partition(":")
        if project.isdecimal():
            found.add((int(project), role))
    return [
        {"personId": person_id, "projectId": project, "role": role}
        for project, role in sorted(found)
        if roles is None or role in list(roles)
    ]


async def person_record(connection: AsyncConnection, row: Mapping[Any, Any]) -> PersonRecord:
    """The person of that row, with the roles that count now."""
    return PersonRecord(
        id=row["id"],
        name=row["name"],
        roles=await roles_of(connection, row["id"], row["name"]),
        created_at=row["createdAt"],
        created_by=row["createdBy"],
    )


def _this_role(row: dict[str, Any]) -> list[Any]:
    return [PERSON_ROLE.c[name] == row[name] for name in ("personId", "projectId", "role")]
