"""People, roles, tokens, browser sessions; changes that need a second person; the code of agents, by digest."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

JSON_VALUE = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
MOMENT = sa.DateTime().with_variant(postgresql.TIMESTAMP(precision=3), "postgresql")
NOW = sa.text("CURRENT_TIMESTAMP")


def _must(name: str, type_: Any, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, type_, nullable=False, **options)


def _may(name: str, type_: Any) -> sa.Column[Any]:
    return sa.Column(name, type_, nullable=True)


def _refer(table: str, column: str, target: str) -> sa.Column[Any]:
    name = f"{table}_{column}_fkey"
    reference = sa.ForeignKey(target, name=name, ondelete="CASCADE", onupdate="CASCADE")
    return sa.Column(column, sa.Text, reference, nullable=False)


def upgrade() -> None:
    op.create_table(
        "Person",
        _must("id", sa.Text),
        _must("name", sa.Text),
        _must("nameKey", sa.Text),
        _must("createdAt", MOMENT, server_default=NOW),
        _may("createdBy", sa.Text),
        sa.PrimaryKeyConstraint("id", name="Person_pkey"),
    )
    op.create_index("Person_nameKey_key", "Person", ["nameKey"], unique=True)
    op.create_table(
        "PersonRole",
        _refer("PersonRole", "personId", "Person.id"),
        _must("projectId", sa.Integer),
        _must("role", sa.Text),
        _must("grantedAt", MOMENT, server_default=NOW),
        _may("grantedBy", sa.Text),
        _must("signature", sa.Text),
        sa.PrimaryKeyConstraint("personId", "projectId", "role", name="PersonRole_pkey"),
    )
    op.create_index("PersonRole_projectId_idx", "PersonRole", ["projectId"])
    op.create_table(
        "AccessToken",
        _must("id", sa.Text),
        _refer("AccessToken", "personId", "Person.id"),
        _must("kind", sa.Text),
        _must("hash", sa.Text),
        _may("label", sa.Text),
        _may("projectId", sa.Integer),
        _may("roles", JSON_VALUE),
        _must("createdAt", MOMENT, server_default=NOW),
        _may("createdBy", sa.Text),
        _may("expiresAt", MOMENT),
        _may("lastUsedAt", MOMENT),
        _may("revokedAt", MOMENT),
        _may("revokedBy", sa.Text),
        _must("signature", sa.Text),
        sa.PrimaryKeyConstraint("id", name="AccessToken_pkey"),
    )
    op.create_index("AccessToken_hash_key", "AccessToken", ["hash"], unique=True)
    op.create_index("AccessToken_personId_idx", "AccessToken", ["personId"])
    op.create_table(
        "BrowserSession",
        _must("id", sa.Text),
        _refer("BrowserSession", "tokenId", "AccessToken.id"),
        _must("hash", sa.Text),
        _may("projectId", sa.Integer),
        _must("createdAt", MOMENT, server_default=NOW),
        _must("expiresAt", MOMENT),
        _must("signature", sa.Text),
        sa.PrimaryKeyConstraint("id", name="BrowserSession_pkey"),
    )
    op.create_index("BrowserSession_hash_key", "BrowserSession", ["hash"], unique=True)
    op.create_index("BrowserSession_expiresAt_idx", "BrowserSession", ["expiresAt"])
    op.create_table(
        "ChangeRequest",
        _must("id", sa.Text),
        _must("projectId", sa.Integer),
        _must("kind", sa.Text),
        _must("digest", sa.Text),
        _must("summary", sa.Text),
        _must("requestedBy", sa.Text),
        _must("requestedAt", MOMENT, server_default=NOW),
        _may("confirmedBy", sa.Text),
        _may("confirmedAt", MOMENT),
        _may("usedAt", MOMENT),
        _must("signature", sa.Text),
        sa.PrimaryKeyConstraint("id", name="ChangeRequest_pkey"),
    )
    op.create_index("ChangeRequest_projectId_digest_idx", "ChangeRequest", ["projectId", "digest"])
    op.create_table(
        "AgentBundle",
        _must("digest", sa.Text),
        _must("content", sa.LargeBinary),
        _must("sizeBytes", sa.Integer),
        _must("createdAt", MOMENT, server_default=NOW),
        sa.PrimaryKeyConstraint("digest", name="AgentBundle_pkey"),
    )


def downgrade() -> None:
    raise NotImplementedError("records are never migrated backwards: restore a backup")
