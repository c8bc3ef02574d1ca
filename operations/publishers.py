"""Programs that publish events: made for one project, with a password that is shown once, and revoked."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

import bcrypt

from records import Records
from records.projects.publishers import PublisherRecord

_ROUNDS = 4
"""As few as bcrypt takes: the passwords are 256 random bits, which no search finds, however quick one try is."""


@dataclass(frozen=True, kw_only=True)
class IssuedPublisher:
    """A new publisher, with what it signs in with."""

    record: PublisherRecord
    password: str = field(repr=False)


async def add_publisher(
    name: str, *, records: Records, project_id: int, by: str, replace: bool = False
) -> IssuedPublisher:
    """Make a publisher of events of that project. The password is kept nowhere. Raises NameRefused.

    `replace`: a publisher of that name gets a new password, and that project.
    """
    password = secrets.token_urlsafe(32)
    hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(_ROUNDS, prefix=b"2a")).decode()
    record = await records.add_publisher(name, project_id=project_id, password_hash=hashed, by=by, replace=replace)
    return IssuedPublisher(record=record, password=password)


async def revoke_publisher(name: str, *, records: Records, by: str) -> PublisherRecord:
    """It publishes nothing any more, once NATS knows. Raises NotFound."""
    return await records.revoke_publisher(name, by=by)
