"""What agents used of models, and examples of what totals count."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0024"
down_revision = "0019"
branch_labels = None
depends_on = None

TIME = sa.DateTime().with_variant(postgresql.TIMESTAMP(precision=3), "postgresql")
JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    op.add_column("AgentRun", sa.Column("modelUse", JSON, nullable=True))
    op.add_column("Proposal", sa.Column("modelUse", JSON, nullable=True))
    op.add_column("MetricTotal", sa.Column("exampleTrace", sa.Text(), nullable=True))
    op.add_column("MetricTotal", sa.Column("exampleValue", sa.BigInteger(), nullable=True))
    op.add_column("MetricTotal", sa.Column("exampleAt", TIME, nullable=True))


def downgrade() -> None:
    raise NotImplementedError("records are never migrated backwards: restore a backup")
