"""Who somebody is for a provider of sign-ins -> a person of ours with the roles of their groups, or a refusal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from compiler.plan import digest_of
from operations.people import SESSION_HOURS, BegunSession, IssuedToken, begin_session, issue_link, issue_token
from operations.second_person import Acting, require_second_person
from records import Records
from records.database.person_key import person_key
from records.errors import NameRefused
from records.people.person import ROLES, NotSignedIn, PersonRecord, Role


@dataclass(frozen=True, kw_only=True)
class KnownToProvider:
    """Somebody as the provider's signed answer says."""

    issuer: str
    subject: str
    """Never changes and is never given to somebody else, as the name may be."""
    name: str
    groups: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class GroupRoles:
    """What groups may do, as the operator has set it."""

    by_group: Mapping[str, Mapping[int, tuple[Role, ...]]]
    """Group -> project -> roles."""
    viewed_by_everybody: Sequence[int] = ()
    """Projects in which everybody who signs in is viewer. Empty: who has no role is refused."""

    def of(self, groups: Sequence[str]) -> dict[int, tuple[Role, ...]]:
        """Project -> roles of somebody in these groups."""
        found: dict[int, set[Role]] = {project: {"viewer"} for project in self.viewed_by_everybody}
        for group in groups:
            for project, roles in self.by_group.get(group, {}).items():
                found.setdefault(project, set()).update(roles)
        return {project: tuple(role for role in ROLES if role in roles) for project, roles in found.items()}


async def sign_in_browser(
    known: KnownToProvider, *, rules: GroupRoles, records: Records
) -> BegunSession | NotSignedIn:
    """Begin a browser session for them. Raises NameRefused for somebody who is not let in."""
    person = await _admitted(known, rules=rules, records=records)
    link = await issue_link(person.name, records=records, by=known.issuer)
    return await begin_session(link.text, records=records)


async def sign_in_terminal(known: KnownToProvider, *, rules: GroupRoles, records: Records) -> IssuedToken:
    """Make them a token that lasts as long as a browser's session. Raises NameRefused."""
    person = await _admitted(known, rules=rules, records=records)
    hours = timedelta(hours=SESSION_HOURS)
    return await issue_token(person.name, records=records, by=known.issuer, lifetime=hours, label="signed in")


async def link_person(
    name: str, *, issuer: str, subject: str, by: Acting, project_id: int, records: Records
) -> PersonRecord:
    """Let who is `subject` for that provider sign in as that person. In production it needs a second person.

    Raises SecondPersonNeeded, NotFound and NameRefused.
    """
    await require_second_person(
        "people",
        digest=digest_of({"link": person_key(name), "issuer": issuer, "subject": subject}),
        summary=f"{subject!r:.80} of {issuer!r:.80} signs in as {name!r:.80}",
        by=by,
        project_id=project_id,
        records=records,
    )
    return await records.link_login(name, issuer=issuer, subject=subject, by=by.name)


async def _admitted(known: KnownToProvider, *, rules: GroupRoles, records: Records) -> PersonRecord:
    person = await records.sign_in_person(
        issuer=known.issuer,
        subject=known.subject,
        name=known.name,
        roles=rules.of(known.groups),
        until=datetime.now(UTC) + timedelta(hours=SESSION_HOURS),
    )
    if not person.roles:
        raise NameRefused(f"{person.name!r:.60} has no role here: none of the groups is mapped to one")
    return person
