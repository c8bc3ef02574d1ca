"""The code of agents, by digest <-> the table AgentBundle: every worker with the database has it."""

from __future__ import annotations

from sqlalchemy import select

from records.database.store import Store, first, insert_new
from records.tables import AGENT_BUNDLE
from records.tables.columns import now
from reliability.shielded import shielded


class BundleStore(Store):
    """Keeps and gives bundles. Who takes one checks its digest: the database is not trusted with that."""

    @shielded
    async def save_bundle(self, digest: str, content: bytes) -> None:
        """Keep the code of that digest; saving it again changes nothing."""
        row = {"digest": digest, "content": content, "sizeBytes": len(content), "createdAt": now()}
        async with self._db.write() as connection:
            await insert_new(connection, AGENT_BUNDLE, row)

    @shielded
    async def bundle(self, digest: str) -> bytes | None:
        """The code of that digest, or None."""
        async with self._db.read() as connection:
            row = await first(connection, select(AGENT_BUNDLE.c.content).where(AGENT_BUNDLE.c.digest == digest))
        return None if row is None else bytes(row["content"])
