"""The file that a workflow was deployed from: a name that was changed in it is told from a new workflow."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("Workflow", sa.Column("source", sa.Text(), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("records are never migrated backwards: restore a backup")
