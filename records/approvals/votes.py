"""An approval -> the names of those whose votes for it count."""

from __future__ import annotations

from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncConnection

from records.database.signing import signer_of
from records.database.store import rows
from records.tables import APPROVAL_VOTE
from reliability.mode import is_production


async def votes_of(connection: AsyncConnection, approval: RowMapping) -> tuple[str, ...]:
    """Who approved, in order. A vote without the platform's signature for this very digest does not count.

    In production mode, all votes under names that nobody verified count as one.
    """
    mine = select(APPROVAL_VOTE).where(APPROVAL_VOTE.c.approvalId == approval["id"])
    in_order = await rows(connection, mine.order_by(APPROVAL_VOTE.c.votedAt, APPROVAL_VOTE.c.id))
    signer, digest = signer_of(connection), approval["digest"] or ""
    counted = [row for row in in_order if signer.voted(row, digest=digest)]
    if is_production():
        # Nobody knows whether two names that were typed are two people.
        typed = [row for row in counted if not row["verified"]]
        counted = [row for row in counted if row["verified"] or row is typed[0]]
    return tuple(row["name"] for row in counted)
