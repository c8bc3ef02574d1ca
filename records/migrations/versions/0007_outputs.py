"""What a workflow's `outputs` gave, with the run."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

JSON_VALUE = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    op.add_column("WorkflowRun", sa.Column("outputJson", JSON_VALUE, nullable=True))


def downgrade() -> None:
    raise NotImplementedError("records are never migrated backwards: restore a backup")
