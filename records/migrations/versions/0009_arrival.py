"""When a run that asks for a slot arrived: slots are granted in this order. Runs that wait already come first."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("RunSlot", sa.Column("arrival", sa.BigInteger(), nullable=False, server_default=sa.text("0")))


def downgrade() -> None:
    raise NotImplementedError("records are never migrated backwards: restore a backup")
