"""People of a provider of sign-ins, and roles that end unless they sign in again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018"
down_revision = "0016"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime().with_variant(postgresql.TIMESTAMP(precision=3), "postgresql")
NOW = sa.text("CURRENT_TIMESTAMP")


def upgrade() -> None:
    person = sa.ForeignKey("Person.id", name="PersonLogin_personId_fkey", ondelete="CASCADE", onupdate="CASCADE")
    op.create_table(
        "PersonLogin",
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("personId", sa.Text(), person, nullable=False),
        sa.Column("createdAt", MOMENT, nullable=False, server_default=NOW),
        sa.Column("createdBy", sa.Text(), nullable=True),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("issuer", "subject", name="PersonLogin_pkey"),
    )
    op.create_index("PersonLogin_personId_idx", "PersonLogin", ["personId"])
    op.add_column("PersonRole", sa.Column("expiresAt", MOMENT, nullable=True))


def downgrade() -> None:
    raise NotImplementedError("records are never migrated backwards: restore a backup")
