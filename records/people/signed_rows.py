"""A row of people; whether the platform wrote it. Whoever can write to the database makes nobody an admin by it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from records.database.signing import signer_of

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


def sign(connection: AsyncConnection, kind: str, row: Mapping[Any, Any]) -> str:
    """The signature of a role, a token or a session."""
    return signer_of(connection).sign(kind, row, _FIELDS[kind])


def is_signed(connection: AsyncConnection, kind: str, row: Mapping[Any, Any]) -> bool:
    """Whether it is as the platform wrote it."""
    return signer_of(connection).signed(kind, row, _FIELDS[kind])
