"""What each project may use, and who publishes its events."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0019"
down_revision = "0015"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime().with_variant(postgresql.TIMESTAMP(precision=3), "postgresql")
NOW = sa.text("CURRENT_TIMESTAMP")


def upgrade() -> None:
    op.create_table(
        "ProjectLimits",
        sa.Column("projectId", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("weight", sa.Integer, nullable=False, server_default=sa.text("1")),
        sa.Column("runsAtOnce", sa.Integer, nullable=True),
        sa.Column("agentsAtOnce", sa.Integer, nullable=True),
        sa.Column("eventMessages", sa.BigInteger, nullable=True),
        sa.Column("eventBytes", sa.BigInteger, nullable=True),
        sa.Column("workflows", sa.Integer, nullable=True),
        sa.Column("agents", sa.Integer, nullable=True),
        sa.Column("updatedAt", MOMENT, nullable=False, server_default=NOW),
        sa.Column("updatedBy", sa.Text, nullable=True),
        sa.PrimaryKeyConstraint("projectId", name="ProjectLimits_pkey"),
    )
    op.create_table(
        "EventPublisher",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("projectId", sa.Integer, nullable=False),
        sa.Column("passwordHash", sa.Text, nullable=False),
        sa.Column("createdAt", MOMENT, nullable=False, server_default=NOW),
        sa.Column("createdBy", sa.Text, nullable=True),
        sa.Column("revokedAt", MOMENT, nullable=True),
        sa.Column("revokedBy", sa.Text, nullable=True),
        sa.Column("signature", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="EventPublisher_pkey"),
    )
    op.create_index("EventPublisher_name_key", "EventPublisher", ["name"], unique=True)
    op.create_index("EventPublisher_projectId_idx", "EventPublisher", ["projectId"])


def downgrade() -> None:
    raise NotImplementedError("records are never migrated backwards: restore a backup")
