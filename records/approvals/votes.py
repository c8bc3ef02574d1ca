"""An approval -> the names of those whose votes for it count."""

from __future__ import annotations

from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncConnection

from records.database.signing import signer_of
from records.database.store import rows
from records.tables import APPROVAL_VOTE


async def votes_of(connection: AsyncConnection, approval: RowMapping) -> tuple[str, ...]:
    """Who approved, in order. A vote without the platform's signature for this very digest does not count."""
    mine = select(APPROVAL_VOTE).where(APPROVAL_VOTE.c.approvalId == approval["id"])
    in_order = await rows(connection, mine.order_by(APPROVAL_VOTE.c.votedAt, APPROVAL_VOTE.c.id))
    signer, digest = signer_of(connection), approval["digest"] or ""
    return tuple(row["name"] for row in in_order if signer.voted(row, digest=digest))
