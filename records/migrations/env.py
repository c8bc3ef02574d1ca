"""Alembic's entry: runs the revisions on the connection it is handed."""

from __future__ import annotations

from alembic import context

from records.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transaction_per_migration=False,
    version_table="_commandcenter_migrations",
)
with context.begin_transaction():
    context.run_migrations()
