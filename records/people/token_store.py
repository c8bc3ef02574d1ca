"""Hashes of tokens <-> the table AccessToken: issued, used, revoked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from records.database.ids import new_id
from records.database.payload import line
from records.database.read_row import read_row
from records.database.store import Store, first, rows
from records.errors import NotFound
from records.people.people_store import is_role, person_row, roles_of
from records.people.person import Identity, NotSignedIn, Role, TokenKind, TokenRecord
from records.people.signed_rows import is_current, keep, sign
from records.tables import ACCESS_TOKEN, PERSON, PERSON_ROLE
from records.tables.columns import now
from reliability.shielded import shielded

_USE_NOTED_EVERY = timedelta(seconds=60)
"""A token that is used all the time writes no more often than that."""
_MAX_LABEL = 200


class TokenStore(Store):
    """Issues, finds and revokes tokens by their hashes."""

    @shielded
    async def issue_token(
        self,
        name: str,
        *,
        token_hash: str,
        kind: TokenKind = "personal",
        project_id: int | None = None,
        roles: tuple[Role, ...] | None = None,
        expires_at: datetime | None = None,
        label: str | None = None,
        by: str | None = None,
    ) -> TokenRecord:
        """Record a token of that person. Raises NotFound where there is no such person."""
        async with self._db.write() as connection:
            person = await person_row(connection, name)
            row: dict[str, Any] = {
                "id": new_id(),
                "personId": person["id"],
                "kind": kind,
                "hash": token_hash,
                "label": line(label, _MAX_LABEL),
                "projectId": project_id,
                "roles": None if roles is None else list(roles),
                "createdAt": now(),
                "createdBy": by,
                "expiresAt": _whole_milliseconds(expires_at),
                "lastUsedAt": None,
                "revokedAt": None,
                "revokedBy": None,
            }
            row["signature"] = sign(connection, "token", row)
            await connection.execute(ACCESS_TOKEN.insert().values(**row))
        return _token(row, person["name"])

    @shielded
    async def tokens(self, name: str | None = None, *, project_id: int | None = None) -> list[TokenRecord]:
        """All tokens, newest first: of that person, and those that open that project alone."""
        chosen = select(ACCESS_TOKEN, PERSON.c.name).join(PERSON).order_by(ACCESS_TOKEN.c.createdAt.desc())
        async with self._db.read() as connection:
            if name is not None:
                chosen = chosen.where(PERSON.c.id == (await person_row(connection, name))["id"])
            if project_id is not None:
                chosen = chosen.where(ACCESS_TOKEN.c.projectId == project_id)
            return [_token(row, row["name"]) for row in await rows(connection, chosen)]

    @shielded
    async def admins_with_tokens(self, project_id: int) -> int:
        """How many admins of the project have been given a token or a link.

        Also one that has ended, and by a role that ends unless they sign in again: they are people who can come back.
        """
        has_one = PERSON.c.id.in_(select(ACCESS_TOKEN.c.personId))
        chosen = select(PERSON_ROLE, PERSON.c.name).join(PERSON).where(has_one, PERSON_ROLE.c.role == "admin")
        async with self._db.read() as connection:
            found = await rows(connection, chosen.where(PERSON_ROLE.c.projectId == project_id))
            return sum(is_role(connection, row) for row in found)

    @shielded
    async def revoke_token(self, token_id: str, *, by: str | None = None) -> TokenRecord:
        """Revoke the token whose id is or begins with that; from now on it and its sessions open nothing.

        Raises NotFound where no token, or more than one, begins so.
        """
        chosen = select(ACCESS_TOKEN, PERSON.c.name).join(PERSON)
        async with self._db.write() as connection:
            begun = chosen.where(ACCESS_TOKEN.c.id.startswith(token_id, autoescape=True)).limit(2)
            found = await rows(connection, begun) if token_id else []
            if len(found) != 1:
                hint = "more than one begins so" if found else "see `commandcenter tokens list`"
                raise NotFound("the token", token_id, hint)
            row = dict(found[0])
            if row["revokedAt"] is None:
                row |= await revoke(connection, row, by=by)
        return _token(row, row["name"])

    @shielded
    async def revoke_tokens_of(self, name: str, *, by: str | None = None) -> int:
        """Revoke all tokens of that person; gives how many were not revoked yet."""
        async with self._db.write() as connection:
            person = await person_row(connection, name)
            mine = (ACCESS_TOKEN.c.personId == person["id"]) & ACCESS_TOKEN.c.revokedAt.is_(None)
            found = await rows(connection, select(ACCESS_TOKEN).where(mine))
            for row in found:
                await revoke(connection, row, by=by)
        return len(found)

    @shielded
    async def identify_token(self, token_hash: str) -> Identity | NotSignedIn:
        """Whose personal token has that hash, and what it opens now. Notes that it was used."""
        async with self._db.read() as connection:
            row = await first(connection, select(ACCESS_TOKEN).where(ACCESS_TOKEN.c.hash == token_hash))
            found = await identity_of(connection, row, kind="personal")
        if isinstance(found, Identity) and row is not None and _use_is_news(row):
            async with self._db.write() as connection:
                mine = ACCESS_TOKEN.c.id == row["id"]
                await connection.execute(update(ACCESS_TOKEN).where(mine).values(lastUsedAt=now()))
        return found


async def identity_of(
    connection: AsyncConnection, row: RowMapping | None, *, kind: TokenKind | None
) -> Identity | NotSignedIn:
    """Whose token that row is; `kind`: the only one that counts, None for any."""
    if row is None:
        return NotSignedIn(reason="unknown")
    objection = await _objection(connection, row, kind)
    if objection is not None:
        return objection
    person = await first(connection, select(PERSON).where(PERSON.c.id == row["personId"]))
    assert person is not None
    roles = _limited(await roles_of(connection, person["id"], person["name"]), row)
    if not roles:
        return NotSignedIn(reason="no role", token_id=row["id"])
    return Identity(name=person["name"], roles=roles, token_id=row["id"])


async def revoke(connection: AsyncConnection, row: Mapping[Any, Any], *, by: str | None) -> dict[str, Any]:
    """Revoke the token of that row; gives what changed."""
    values: dict[str, Any] = {"revokedAt": now(), "revokedBy": by}
    values["signature"] = sign(connection, "token", {**row, **values})
    await connection.execute(update(ACCESS_TOKEN).where(ACCESS_TOKEN.c.id == row["id"]).values(**values))
    await keep(connection, "token", {**row, **values}, by=by)
    return values


async def _objection(connection: AsyncConnection, row: RowMapping, kind: TokenKind | None) -> NotSignedIn | None:
    if not await is_current(connection, "token", row):
        return NotSignedIn(reason="forged", token_id=row["id"])
    if kind not in (None, row["kind"]):
        return NotSignedIn(reason="not this kind", token_id=row["id"])
    state = _token(row, "").state(now())
    return None if state == "active" else NotSignedIn(reason=state, token_id=row["id"])


def _limited(roles: dict[int, tuple[Role, ...]], row: RowMapping) -> dict[int, tuple[Role, ...]]:
    """What is left of the person's roles within the token's limits: `admin` may be limited to any role."""
    found: dict[int, tuple[Role, ...]] = {}
    for project, held in roles.items():
        if row["projectId"] not in (None, project):
            continue
        limit: list[Role] = list(held) if row["roles"] is None else row["roles"]
        left: tuple[Role, ...] = tuple(role for role in limit if role in held or "admin" in held)
        if left:
            found[project] = left
    return found


def _use_is_news(row: RowMapping) -> bool:
    return row["lastUsedAt"] is None or now() - row["lastUsedAt"] > _USE_NOTED_EVERY


def _whole_milliseconds(moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    return moment.astimezone(UTC).replace(microsecond=moment.microsecond // 1000 * 1000)


def _token(row: Mapping[Any, Any], person: str) -> TokenRecord:
    return read_row(TokenRecord, row, person=person)
