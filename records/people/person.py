"""Values of people: roles, tokens, and who a request comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

Role = Literal["viewer", "author", "operator", "approver", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
"""From the least to the most, for display; what each may do is a table of its own."""
TokenKind = Literal["personal", "link"]


@dataclass(frozen=True, kw_only=True)
class PersonRecord:
    """Somebody with the roles they have."""

    id: str
    name: str
    roles: Mapping[int, tuple[Role, ...]]
    """Project -> roles."""
    created_at: datetime
    created_by: str | None


@dataclass(frozen=True, kw_only=True)
class TokenRecord:
    """A token without what it is."""

    id: str
    person: str
    kind: TokenKind
    label: str | None
    project_id: int | None
    """The one project it opens; None: all of its person."""
    roles: tuple[Role, ...] | None
    """The roles it is limited to; None: all of its person."""
    created_at: datetime
    created_by: str | None
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    revoked_by: str | None

    def state(self, at: datetime) -> Literal["active", "expired", "revoked"]:
        """Whether it opens anything at that moment."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= at else "active"


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Whom a token or a session belongs to, and what it opens."""

    name: str
    roles: Mapping[int, tuple[Role, ...]]
    """Project -> roles, within the token's limits. Never empty."""
    token_id: str
    project_id: int | None = None
    """The project that a session has chosen."""


@dataclass(frozen=True, kw_only=True)
class NotSignedIn:
    """Why a token or a session opens nothing."""

    reason: Literal["unknown", "expired", "revoked", "forged", "no role", "not this kind"]
    token_id: str | None = None
