"""Approvals and votes of a version that did not sign them -> the same rows, signed.

Called once, by the upgrade that adds the columns: what was open or decided before it stays so.
"""

from __future__ import annotations

from sqlalchemy import RowMapping, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from records.database.signing import signer_of
from records.database.store import rows
from records.tables import APPROVAL_VOTE, WORKFLOW_APPROVAL


async def sign_existing(connection: AsyncConnection) -> None:
    """Sign every approval that has a digest, and its votes."""
    chosen = select(WORKFLOW_APPROVAL).where(WORKFLOW_APPROVAL.c.digest.is_not(None))
    for row in await rows(connection, chosen):
        await _sign(connection, row)


async def _sign(connection: AsyncConnection, row: RowMapping) -> None:
    signer = signer_of(connection)
    values = {"questionSignature": signer.question(row)}
    if row["status"] != "PENDING":
        values["signature"] = signer.decision(row)
    this = WORKFLOW_APPROVAL.c.id == row["id"]
    await connection.execute(update(WORKFLOW_APPROVAL).where(this).values(**values))
    for vote in await rows(connection, select(APPROVAL_VOTE).where(APPROVAL_VOTE.c.approvalId == row["id"])):
        signature = signer.vote(vote, digest=row["digest"])
        mine = APPROVAL_VOTE.c.id == vote["id"]
        await connection.execute(update(APPROVAL_VOTE).where(mine).values(signature=signature))
