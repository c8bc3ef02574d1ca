"""People with roles in projects, their tokens, and their browser sessions."""

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, Text

from records.tables.columns import JSON_VALUE, NOW, Moment, key, may, must, refer
from records.tables.schema import METADATA

PERSON = Table(
    "Person",
    METADATA,
    key(),
    must("name", Text),
    # The name as it is compared: equal persons have equal keys.
    must("nameKey", Text),
    must("createdAt", Moment, server_default=NOW),
    may("createdBy", Text),
    Index("Person_nameKey_key", "nameKey", unique=True),
)

PERSON_ROLE = Table(
    "PersonRole",
    METADATA,
    Column(
        "personId",
        Text,
        ForeignKey("Person.id", name="PersonRole_personId_fkey", ondelete="CASCADE", onupdate="CASCADE"),
        primary_key=True,
    ),
    Column("projectId", Integer, primary_key=True, autoincrement=False),
    Column("role", Text, primary_key=True),
    must("grantedAt", Moment, server_default=NOW),
    may("grantedBy", Text),
    # Roles by groups of a provider end unless the person signs in again. NULL: it was given by hand.
    may("expiresAt", Moment),
    # By the platform's key, here and below: see `records.people.signed_rows`.
    must("signature", Text),
    Index("PersonRole_projectId_idx", "projectId"),
)

PERSON_LOGIN = Table(
    "PersonLogin",
    METADATA,
    # Who somebody is for a provider of sign-ins. Names there can be chosen; the subject cannot.
    Column("issuer", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    refer("PersonLogin", "personId", "Person.id", "CASCADE"),
    must("createdAt", Moment, server_default=NOW),
    may("createdBy", Text),
    must("signature", Text),
    Index("PersonLogin_personId_idx", "personId"),
)

ACCESS_TOKEN = Table(
    "AccessToken",
    METADATA,
    key(),
    refer("AccessToken", "personId", "Person.id", "CASCADE"),
    # `personal`: a header's; `link`: exchanged for a browser session, once.
    must("kind", Text),
    # SHA-256: tokens themselves are stored nowhere.
    must("hash", Text),
    may("label", Text),
    # What it is limited to; NULL: all that the person has.
    may("projectId", Integer),
    may("roles", JSON_VALUE),
    must("createdAt", Moment, server_default=NOW),
    may("createdBy", Text),
    may("expiresAt", Moment),
    may("lastUsedAt", Moment),
    may("revokedAt", Moment),
    may("revokedBy", Text),
    must("signature", Text),
    Index("AccessToken_hash_key", "hash", unique=True),
    Index("AccessToken_personId_idx", "personId"),
)

BROWSER_SESSION = Table(
    "BrowserSession",
    METADATA,
    key(),
    refer("BrowserSession", "tokenId", "AccessToken.id", "CASCADE"),
    must("hash", Text),
    may("projectId", Integer),
    must("createdAt", Moment, server_default=NOW),
    must("expiresAt", Moment),
    must("signature", Text),
    Index("BrowserSession_hash_key", "hash", unique=True),
    Index("BrowserSession_expiresAt_idx", "expiresAt"),
)

CHANGE_REQUEST = Table(
    "ChangeRequest",
    METADATA,
    key(),
    must("projectId", Integer),
    must("kind", Text),
    # Of exactly what would be changed.
    must("digest", Text),
    must("summary", Text),
    must("requestedBy", Text),
    must("requestedAt", Moment, server_default=NOW),
    may("confirmedBy", Text),
    may("confirmedAt", Moment),
    may("usedAt", Moment),
    must("signature", Text),
    Index("ChangeRequest_projectId_digest_idx", "projectId", "digest"),
)


SLACK_IDENTITY = Table(
    "SlackIdentity",
    METADATA,
    key(),
    refer("SlackIdentity", "personId", "Person.id", "CASCADE"),
    must("teamId", Text),
    must("userId", Text),
    must("createdAt", Moment, server_default=NOW),
    may("createdBy", Text),
    must("signature", Text),
    Index("SlackIdentity_teamId_userId_key", "teamId", "userId", unique=True),
)
