"""Signatures of plans, versions, runs, agents and noted events; of a version nothing but its signature changes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

_SIGNED = ("Plan", "WorkflowVersion", "WorkflowRun", "Agent", "ProcessedEvent")
_LASTING = ("id", "workflowId", "number", "planDigest", "sourceText", "savedBy", "savedAt")
_REFUSED = "a version of a workflow is neither changed nor deleted"


def upgrade() -> None:
    for table in _SIGNED:
        op.add_column(table, sa.Column("signature", sa.Text(), nullable=True))
    op.add_column("ProcessedEvent", sa.Column("contextDigest", sa.Text(), nullable=True))
    columns = ", ".join(f'"{name}"' for name in _LASTING)
    verbs = {"update": f"UPDATE OF {columns}", "delete": "DELETE"}
    if op.get_bind().dialect.name == "sqlite":
        for name, verb in verbs.items():
            op.execute(
                f'CREATE TRIGGER "WorkflowVersion_no_{name}" BEFORE {verb} ON "WorkflowVersion" '
                f"BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END"
            )
        return
    op.execute(
        'CREATE FUNCTION "WorkflowVersion_refuse"() RETURNS trigger LANGUAGE plpgsql AS '
        f"$$ BEGIN RAISE EXCEPTION '{_REFUSED}'; END $$"
    )
    # For each row: what a change of its workflow would do to it is refused as well.
    op.execute(
        f'CREATE TRIGGER "WorkflowVersion_lasting" BEFORE {verbs["update"]} OR {verbs["delete"]} ON "WorkflowVersion" '
        'FOR EACH ROW EXECUTE FUNCTION "WorkflowVersion_refuse"()'
    )


def downgrade() -> None:
    raise NotImplementedError("records are never migrated backwards: restore a backup")
