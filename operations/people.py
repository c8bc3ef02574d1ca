"""People and tokens: add, give and take roles, issue, revoke. A token is shown once, when it is made."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from compiler.plan import digest_of
from operations.second_person import Acting, require_second_person
from records import Records
from records.database.person_key import person_key
from records.people.person import ROLES, Identity, NotSignedIn, PersonRecord, Role, TokenKind, TokenRecord
from reliability.mode import is_production

TOKEN_PREFIX = "cct_"
"""What tokens begin with, so that programs which look for leaked secrets know them."""
SESSION_HOURS = 12
LINK_HOURS = 12
_TWO = 2


class InvalidRole(ValueError):
    """A role that there is not, or that the person does not have."""


@dataclass(frozen=True, kw_only=True)
class IssuedToken:
    """A new token: `text` is stored nowhere and cannot be shown again."""

    text: str
    record: TokenRecord


@dataclass(frozen=True, kw_only=True)
class BegunSession:
    """A new browser session: `text` is what the cookie holds."""

    text: str
    identity: Identity
    expires_at: datetime


def token_digest(token: str) -> str:
    """SHA-256 (hex): what is stored of a token, which has too many bits to be guessed from it."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def checked_roles(names: Sequence[str]) -> tuple[Role, ...]:
    """These names as roles. Raises InvalidRole."""
    unknown = [name for name in names if name not in ROLES]
    if unknown:
        raise InvalidRole(f"{unknown[0]!r:.40} is not a role: there are {', '.join(ROLES)}")
    return tuple(role for role in ROLES if role in names)


async def add_person(
    name: str, *, records: Records, project_id: int, roles: Sequence[str], by: str
) -> PersonRecord:
    """Give these roles in the project to the person of that name. Raises InvalidRole and NameRefused."""
    if not roles:
        raise InvalidRole(f"name at least one role: {', '.join(ROLES)}")
    return await records.add_person(name, project_id=project_id, roles=checked_roles(roles), by=by)


async def grant_roles(
    name: str, *, records: Records, project_id: int, roles: Sequence[str], by: Acting
) -> PersonRecord:
    """The same for somebody who asks for it. In production it needs a second person, once there are two admins.

    Raises SecondPersonNeeded, too.
    """
    chosen = checked_roles(roles)
    await _second_person(
        {"person": person_key(name), "roles": list(chosen)},
        f"{name!r:.80} becomes {', '.join(chosen)} in project {project_id}",
        by=by,
        project_id=project_id,
        records=records,
    )
    return await add_person(name, records=records, project_id=project_id, roles=roles, by=by.name)


async def grant_token(
    name: str,
    *,
    records: Records,
    by: Acting,
    asked_in: int,
    project_id: int | None,
    roles: Sequence[str] | None,
    lifetime: timedelta,
    label: str | None,
) -> IssuedToken:
    """Make a token of that person for somebody who asks for it. Whoever has it acts as that person.

    So in production a token of somebody else needs a second person, too. `asked_in`: the project of who asks.
    """
    if not (by.verified and person_key(by.name) == person_key(name)):
        await _second_person(
            {
                "tokenOf": person_key(name),
                "project": project_id,
                "roles": None if roles is None else sorted(roles),
            },
            f"{by.name!r:.80} is given a token of {name!r:.80}",
            by=by,
            project_id=asked_in,
            records=records,
        )
    return await issue_token(
        name,
        records=records,
        by=by.name,
        project_id=project_id,
        roles=roles,
        lifetime=lifetime,
        label=label,
    )


async def map_slack_user(
    name: str, *, team: str, user: str, records: Records, by: Acting, project_id: int
) -> None:
    """Let presses of that user of Slack count as that person's decisions. Raises NotFound.

    Whoever is that user acts as that person, so in production somebody else's takes a second person, too.
    """
    if not (by.verified and person_key(by.name) == person_key(name)):
        await _second_person(
            {"slack": [team, user], "person": person_key(name)},
            f"the Slack user {user!r:.40} of {team!r:.40} decides as {name!r:.80}",
            by=by,
            project_id=project_id,
            records=records,
        )
    await records.map_slack_user(team, user, name, by=by.name)


async def take_roles(
    name: str,
    *,
    records: Records,
    by: Acting,
    asked_in: int,
    project_id: int | None,
    roles: Sequence[str] | None,
) -> PersonRecord:
    """Take roles away as `revoke_person` does, for somebody who asks for it.

    In production an admin is removed by two people: whoever removes the others would be the only one to agree with
    themselves. Tokens are revoked by anybody, at once. Raises SecondPersonNeeded, too.
    """
    if roles is None or "admin" in roles:
        mine = [each for each in await records.people(project_id) if person_key(each.name) == person_key(name)]
        if any("admin" in held for each in mine for held in each.roles.values()):
            await _second_person(
                {"no admin": person_key(name), "project": project_id},
                f"{name!r:.80} is no admin any more",
                by=by,
                project_id=asked_in,
                records=records,
            )
    return await revoke_person(name, records=records, project_id=project_id, roles=roles, by=by.name)


async def _second_person(
    change: Mapping[str, Any], summary: str, *, by: Acting, project_id: int, records: Records
) -> None:
    """Raises SecondPersonNeeded. Not before two admins could agree: somebody must be the first, and the second."""
    if is_production() and await records.admins_with_tokens(project_id) >= _TWO:
        await require_second_person(
            "people",
            digest=digest_of({**change, "in": project_id}),
            summary=summary,
            by=by,
            project_id=project_id,
            records=records,
        )


async def revoke_person(
    name: str, *, records: Records, project_id: int | None, roles: Sequence[str] | None, by: str
) -> PersonRecord:
    """Take these roles away (None: all), in the project (None: in all). Tokens go with the last role."""
    chosen = None if roles is None else checked_roles(roles)
    person = await records.withdraw_roles(name, project_id=project_id, roles=chosen)
    if not person.roles:
        await records.revoke_tokens_of(name, by=by)
    return person


async def issue_token(
    name: str,
    *,
    records: Records,
    by: str,
    project_id: int | None = None,
    roles: Sequence[str] | None = None,
    lifetime: timedelta | None = timedelta(days=90),
    label: str | None = None,
    kind: TokenKind = "personal",
) -> IssuedToken:
    """Make a token for that person, within what they may do. Raises InvalidRole and NotFound.

    `project_id`, `roles`: what it is limited to; None: all that the person has, now and later.
    `lifetime`: None never ends.
    """
    limit = None if roles is None else checked_roles(roles)
    text = TOKEN_PREFIX + secrets.token_urlsafe(32)
    record = await records.issue_token(
        name,
        token_hash=token_digest(text),
        kind=kind,
        project_id=project_id,
        roles=limit,
        expires_at=None if lifetime is None else datetime.now(UTC) + lifetime,
        label=label,
        by=by,
    )
    return IssuedToken(text=text, record=record)


async def issue_link(name: str, *, records: Records, by: str) -> IssuedToken:
    """Make a token that is good for one sign-in of a browser and for nothing else."""
    return await issue_token(
        name, records=records, by=by, kind="link", lifetime=timedelta(hours=LINK_HOURS), label="sign-in link"
    )


async def revoke_token(token_id: str, *, records: Records, by: str) -> TokenRecord:
    """Revoke it; it and its browser sessions open nothing from the next request on. Raises NotFound."""
    return await records.revoke_token(token_id, by=by)


async def identify(token: str, *, records: Records) -> Identity | NotSignedIn:
    """Whose personal token it is."""
    return await records.identify_token(token_digest(token))


async def identify_session(session: str, *, records: Records) -> Identity | NotSignedIn:
    """Whose browser session it is."""
    return await records.identify_session(token_digest(session))


async def begin_session(
    token: str, *, records: Records, project_id: int | None = None
) -> BegunSession | NotSignedIn:
    """Begin a browser session with a personal token or a sign-in link, which works once."""
    text = secrets.token_urlsafe(32)
    expires_at = datetime.now(UTC) + timedelta(hours=SESSION_HOURS)
    found = await records.begin_session(
        token_hash=token_digest(token),
        session_hash=token_digest(text),
        expires_at=expires_at,
        project_id=project_id,
    )
    if isinstance(found, NotSignedIn):
        return found
    return BegunSession(text=text, identity=found, expires_at=expires_at)


async def end_session(session: str, *, records: Records) -> None:
    """End the browser session."""
    await records.end_session(token_digest(session))


async def choose_project(session: str, project_id: int, *, records: Records) -> None:
    """Let a browser session look at another project of its person."""
    await records.choose_project(token_digest(session), project_id)
