"""Rows of a version that did not sign them -> the same rows, signed.

Called once for each kind, by the upgrade that adds its column: what was open, decided or deployed before it stays so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import RowMapping, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from records.database.ids import new_id
from records.database.signed_agents import agent_of, sign_agent
from records.database.signed_plans import PLAN_FIELDS, VERSION_FIELDS
from records.database.signed_runs import RUN_FIELDS, sign_run
from records.database.signing import lazy_signer_of, signer_of
from records.database.store import first, rows
from records.tables import (
    AGENT,
    AGENT_CAPABILITY,
    APPROVAL_VOTE,
    PLAN,
    WORKFLOW,
    WORKFLOW_APPROVAL,
    WORKFLOW_RUN,
    WORKFLOW_VERSION,
)
from records.tables.columns import now

_APPROVALS, _PLANS = "0006", "0033"
"""Since these revisions approvals are signed, and plans with all that leads to them."""
_AT_ONCE = 1_000


async def sign_existing(connection: AsyncConnection, *, before: str | None) -> None:
    """Sign what was not signed at revision `before`; None: in a database that another program made.

    Raises SigningKeyUnusable where other rows were signed with a key that is not there.
    """
    if before is not None and before < _APPROVALS:
        for row in await rows(
            connection, select(WORKFLOW_APPROVAL).where(WORKFLOW_APPROVAL.c.digest.is_not(None))
        ):
            await _sign_approval(connection, row)
    if before is None or before < _PLANS:
        asked = select(WORKFLOW_APPROVAL.c.id).where(WORKFLOW_APPROVAL.c.questionSignature.is_not(None))
        if await first(connection, asked.limit(1)) is not None:
            lazy_signer_of(connection).require_there()
        await _sign_agents(connection)
        await _sign_plans(connection)
        await _sign_versions(connection)
        await _sign_runs(connection)


async def _sign_approval(connection: AsyncConnection, row: RowMapping) -> None:
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


async def _sign_agents(connection: AsyncConnection) -> None:
    for row in await rows(connection, select(AGENT)):
        theirs = select(AGENT_CAPABILITY).where(AGENT_CAPABILITY.c.agentId == row["id"])
        spec = agent_of(row, await rows(connection, theirs))
        signed = {"signature": sign_agent(connection, row["projectId"], spec)}
        await connection.execute(update(AGENT).where(AGENT.c.id == row["id"]).values(**signed))


async def _sign_plans(connection: AsyncConnection) -> None:
    signer = signer_of(connection)
    for row in await rows(connection, select(*(PLAN.c[name] for name in PLAN_FIELDS))):
        signed = {"signature": signer.sign("plan", row, PLAN_FIELDS)}
        await connection.execute(update(PLAN).where(PLAN.c.digest == row["digest"]).values(**signed))


async def _sign_versions(connection: AsyncConnection) -> None:
    """Also of workflows that have none yet, or were deployed without one: the newest says which plan they take."""
    signer = signer_of(connection)
    for workflow in await rows(connection, select(WORKFLOW)):
        whose = {"projectId": workflow["projectId"], "name": workflow["name"]}
        mine = select(WORKFLOW_VERSION).where(WORKFLOW_VERSION.c.workflowId == workflow["id"])
        found = await rows(connection, mine.order_by(WORKFLOW_VERSION.c.number))
        for row in found:
            signed = {"signature": signer.sign("version", {**row, **whose}, VERSION_FIELDS)}
            this = WORKFLOW_VERSION.c.id == row["id"]
            await connection.execute(update(WORKFLOW_VERSION).where(this).values(**signed))
        newest = found[-1] if found else None
        if workflow["planDigest"] is None or (newest and newest["planDigest"] == workflow["planDigest"]):
            continue
        values: dict[str, Any] = {
            "id": new_id(),
            "workflowId": workflow["id"],
            "number": 1 if newest is None else newest["number"] + 1,
            "planDigest": workflow["planDigest"],
            "savedAt": now(),
        }
        values["signature"] = signer.sign("version", {**values, **whose}, VERSION_FIELDS)
        await connection.execute(WORKFLOW_VERSION.insert().values(**values))


async def _sign_runs(connection: AsyncConnection) -> None:
    """A page at a time: there may be a million."""
    change = (
        update(WORKFLOW_RUN).where(WORKFLOW_RUN.c.id == bindparam("this")).values(signature=bindparam("signed"))
    )
    ours = (
        select(*(WORKFLOW_RUN.c[name] for name in RUN_FIELDS))
        .where(WORKFLOW_RUN.c.flowRunId.is_not(None))
        .order_by(WORKFLOW_RUN.c.id)
    )
    after = ""
    while page := await rows(connection, ours.where(WORKFLOW_RUN.c.id > after).limit(_AT_ONCE)):
        given: list[Mapping[str, Any]] = [{"this": row["id"], "signed": sign_run(connection, row)} for row in page]
        await connection.execute(change, given)
        after = page[-1]["id"]
