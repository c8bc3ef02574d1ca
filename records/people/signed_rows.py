"""A row of people; whether the platform wrote it. Whoever can write to the database makes nobody an admin by it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from records.approvals.newest_rows import GONE, keep_newest, newest_states
from records.database.signing import Signer, signer_of

_FIELDS: Mapping[str, tuple[str, ...]] = {
    "role": ("personId", "name", "projectId", "role"),
    # Another kind than `role`: taking the end away from the row does not make it one that was given by hand.
    "role-until": ("personId", "name", "projectId", "role", "expiresAt"),
    "login": ("issuer", "subject", "personId", "name"),
    "token": ("id", "personId", "kind", "hash", "projectId", "roles", "expiresAt", "revokedAt"),
    "change": (
        "id",
        "projectId",
        "kind",
        "digest",
        "summary",
        "requestedBy",
        "confirmedBy",
        "confirmedAt",
        "usedAt",
    ),
    "slack": ("id", "teamId", "userId", "personId"),
    "session": ("id", "tokenId", "hash", "projectId", "expiresAt"),
}


_NAMES: Mapping[str, tuple[str, ...]] = {
    "role": ("personId", "projectId", "role"),
    "login": ("issuer", "subject"),
    "token": ("id",),
    "change": ("id",),
    "slack": ("teamId", "userId"),
    "session": ("id",),
}


def sign(connection: AsyncConnection, kind: str, row: Mapping[Any, Any]) -> str:
    """The signature of a role, a token or a session."""
    return signer_of(connection).sign(kind, row, _FIELDS[kind])


async def keep(
    connection: AsyncConnection, kind: str, row: Mapping[Any, Any], *, by: str | None = None, project_id: int = 0
) -> None:
    """From now on only this counts for the row: copies of what it was before do not."""
    state = Signer.state(kind, row, _FIELDS[kind])
    await keep_newest(connection, subject(kind, row), state, by=by, project_id=project_id)


async def keep_gone(
    connection: AsyncConnection, kind: str, row: Mapping[Any, Any], *, by: str | None = None, project_id: int = 0
) -> None:
    """From now on nothing counts for the row. `row`: what names it is enough."""
    await keep_newest(connection, subject(kind, row), GONE, by=by, project_id=project_id)


async def current(
    connection: AsyncConnection, found: Iterable[tuple[str, Mapping[Any, Any]]]
) -> list[tuple[str, Mapping[Any, Any]]]:
    """Those of these rows, each with its kind, that the platform wrote and neither replaced nor took away since."""
    signed = [(kind, row) for kind, row in found if is_signed(connection, kind, row)]
    newest = await newest_states(connection, (subject(kind, row) for kind, row in signed))
    return [
        (kind, row)
        for kind, row in signed
        if newest.get(subject(kind, row)) in (None, Signer.state(kind, row, _FIELDS[kind]))
    ]


async def is_current(connection: AsyncConnection, kind: str, row: Mapping[Any, Any]) -> bool:
    """Whether that one is."""
    return bool(await current(connection, [(kind, row)]))


def subject(kind: str, row: Mapping[Any, Any]) -> str:
    """What names the row, whatever else is in it."""
    group = kind.removesuffix("-until")
    return ":".join([group, *(str(row[name]) for name in _NAMES[group])])


def is_signed(connection: AsyncConnection, kind: str, row: Mapping[Any, Any]) -> bool:
    """Whether it is as the platform wrote it."""
    return signer_of(connection).signed(kind, row, _FIELDS[kind])
