"""A token, shown once, -> a browser session that opens the same for some hours."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from records.database.ids import new_id
from records.database.store import Store, first
from records.people.person import Identity, NotSignedIn
from records.people.signed_rows import is_current, is_signed, keep, keep_gone, sign
from records.people.token_store import identity_of, revoke
from records.tables import ACCESS_TOKEN, BROWSER_SESSION
from records.tables.columns import now
from reliability.shielded import shielded


class SessionStore(Store):
    """Begins, finds and ends browser sessions by their hashes."""

    @shielded
    async def begin_session(
        self, *, token_hash: str, session_hash: str, expires_at: datetime, project_id: int | None = None
    ) -> Identity | NotSignedIn:
        """Begin a session with a personal token, or with a link, which is used up by it.

        A session ends with its token: one of a link lives on until `expires_at`, as the link's own end only says
        until when it may be used.
        """
        async with self._db.write() as connection:
            chosen = select(ACCESS_TOKEN).where(ACCESS_TOKEN.c.hash == token_hash)
            if not self._db.is_sqlite:
                chosen = chosen.with_for_update()
            token = await first(connection, chosen)
            found = await identity_of(connection, token, kind=None)
            if isinstance(found, NotSignedIn) or token is None:
                return found
            if project_id is not None and project_id not in found.roles:
                return NotSignedIn(reason="no role", token_id=found.token_id)
            await connection.execute(delete(BROWSER_SESSION).where(BROWSER_SESSION.c.expiresAt <= now()))
            await _insert(connection, token, session_hash, expires_at, project_id)
            if token["kind"] == "link":
                await _use_up(connection, token, expires_at)
            else:
                mine = ACCESS_TOKEN.c.id == token["id"]
                await connection.execute(update(ACCESS_TOKEN).where(mine).values(lastUsedAt=now()))
        return Identity(name=found.name, roles=found.roles, token_id=found.token_id, project_id=project_id)

    @shielded
    async def identify_session(self, session_hash: str) -> Identity | NotSignedIn:
        """Whose session has that hash, and what it opens now."""
        async with self._db.read() as connection:
            session = await _session(connection, session_hash)
            if session is None:
                return NotSignedIn(reason="unknown")
            if not await is_current(connection, "session", session):
                return NotSignedIn(reason="forged", token_id=session["tokenId"])
            if session["expiresAt"] <= now():
                return NotSignedIn(reason="expired", token_id=session["tokenId"])
            token = await first(connection, select(ACCESS_TOKEN).where(ACCESS_TOKEN.c.id == session["tokenId"]))
            found = await identity_of(connection, token, kind=None)
        if isinstance(found, NotSignedIn):
            return found
        chosen = session["projectId"] if session["projectId"] in found.roles else None
        return Identity(name=found.name, roles=found.roles, token_id=found.token_id, project_id=chosen)

    @shielded
    async def choose_project(self, session_hash: str, project_id: int) -> None:
        """Let the session look at that project from now on."""
        async with self._db.write() as connection:
            session = await _session(connection, session_hash)
            if session is None or not is_signed(connection, "session", session):
                return
            values: dict[str, Any] = {"projectId": project_id}
            values["signature"] = sign(connection, "session", {**session, **values})
            mine = BROWSER_SESSION.c.id == session["id"]
            await connection.execute(update(BROWSER_SESSION).where(mine).values(**values))

    @shielded
    async def end_session(self, session_hash: str) -> None:
        """End it; one that is not there is no error. A link's token goes with it."""
        async with self._db.write() as connection:
            session = await _session(connection, session_hash)
            if session is None:
                return
            mine = BROWSER_SESSION.c.id == session["id"]
            await connection.execute(delete(BROWSER_SESSION).where(mine))
            await keep_gone(connection, "session", session)
            of_link = (ACCESS_TOKEN.c.id == session["tokenId"]) & (ACCESS_TOKEN.c.kind == "link")
            token = await first(connection, select(ACCESS_TOKEN).where(of_link))
            if token is not None and token["revokedAt"] is None:
                await revoke(connection, token, by=None)


async def _session(connection: AsyncConnection, session_hash: str) -> RowMapping | None:
    return await first(connection, select(BROWSER_SESSION).where(BROWSER_SESSION.c.hash == session_hash))


async def _insert(
    connection: AsyncConnection,
    token: RowMapping,
    session_hash: str,
    expires_at: datetime,
    project_id: int | None,
) -> None:
    row: dict[str, Any] = {
        "id": new_id(),
        "tokenId": token["id"],
        "hash": session_hash,
        "projectId": project_id,
        "createdAt": now(),
        "expiresAt": expires_at.replace(microsecond=0),
    }
    row["signature"] = sign(connection, "session", row)
    await connection.execute(BROWSER_SESSION.insert().values(**row))


async def _use_up(connection: AsyncConnection, token: RowMapping, expires_at: datetime) -> None:
    """The link's hash is taken away, so that nothing finds it again; the row goes on for its session."""
    values: dict[str, Any] = {
        "hash": f"used:{token['id']}",
        "expiresAt": expires_at.replace(microsecond=0),
        "lastUsedAt": now(),
    }
    values["signature"] = sign(connection, "token", {**token, **values})
    mine = ACCESS_TOKEN.c.id == token["id"]
    await connection.execute(update(ACCESS_TOKEN).where(mine).values(**values))
    await keep(connection, "token", {**token, **values})
