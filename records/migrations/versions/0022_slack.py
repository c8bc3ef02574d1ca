"""Which person a user of Slack is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

TIME = sa.DateTime().with_variant(postgresql.TIMESTAMP(precision=3), "postgresql")
NOW = sa.text("CURRENT_TIMESTAMP")


def upgrade() -> None:
    op.create_table(
        "SlackIdentity",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("personId", sa.Text(), nullable=False),
        sa.Column("teamId", sa.Text(), nullable=False),
        sa.Column("userId", sa.Text(), nullable=False),
        sa.Column("createdAt", TIME, nullable=False, server_default=NOW),
        sa.Column("createdBy", sa.Text(), nullable=True),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="SlackIdentity_pkey"),
        sa.ForeignKeyConstraint(
            ["personId"],
            ["Person.id"],
            name="SlackIdentity_personId_fkey",
            ondelete="CASCADE",
            onupdate="CASCADE",
        ),
    )
    op.create_index("SlackIdentity_teamId_userId_key", "SlackIdentity", ["teamId", "userId"], unique=True)


def downgrade() -> None:
    op.drop_table("SlackIdentity")
