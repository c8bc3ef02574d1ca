"""Rows that the platform has signed with any of its keys -> the same rows, signed with the first one.

What was not signed by the platform stays as it is: a new key makes nothing true that was forged before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Table, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from records.approvals.newest_rows import sign_newest_again
from records.database.signed_agents import agent_of, is_registered, sign_agent
from records.database.signed_plans import PLAN_FIELDS, VERSION_FIELDS
from records.database.signed_runs import RUN_FIELDS, sign_run
from records.database.signing import signer_of
from records.database.store import Store, rows
from records.events.inbox import EVENT_FIELDS
from records.people.people_store import role_kind
from records.people.signed_rows import is_signed, sign
from records.projects.publishers import sign_publishers_again
from records.tables import (
    AGENT,
    AGENT_CAPABILITY,
    APPROVAL_VOTE,
    PLAN,
    PROCESSED_EVENT,
    WORKFLOW,
    WORKFLOW_APPROVAL,
    WORKFLOW_RUN,
    WORKFLOW_VERSION,
)
from records.tables.people import (
    ACCESS_TOKEN,
    BROWSER_SESSION,
    CHANGE_REQUEST,
    PERSON,
    PERSON_LOGIN,
    PERSON_ROLE,
    SLACK_IDENTITY,
)
from reliability.shielded import shielded

_SIGNED: tuple[tuple[str, Table], ...] = (
    ("token", ACCESS_TOKEN),
    ("session", BROWSER_SESSION),
    ("change", CHANGE_REQUEST),
    ("slack", SLACK_IDENTITY),
)


class SignatureStore(Store):
    """All that is signed, at once."""

    @shielded
    async def sign_again(self) -> int:
        """Sign every row with the first key, in one transaction; gives how many rows have changed."""
        async with self._db.write() as connection:
            changed = await _approvals(connection) + await _votes(connection) + await _roles(connection)
            for kind, table in _SIGNED:
                for row in await rows(connection, select(table)):
                    changed += await _one(connection, kind, table, row)
            changed += await sign_publishers_again(connection)
            changed += await _agents(connection) + await _versions(connection) + await _runs(connection)
            return changed + await sign_newest_again(connection)


async def _approvals(connection: AsyncConnection) -> int:
    signer, changed = signer_of(connection), 0
    for row in await rows(connection, select(WORKFLOW_APPROVAL).where(WORKFLOW_APPROVAL.c.digest.is_not(None))):
        values: dict[str, Any] = {}
        if signer.asked(row):
            values["questionSignature"] = signer.question(row)
        if row["signature"] is not None and signer.decided(row):
            values["signature"] = signer.decision(row)
        changed += await _write(connection, WORKFLOW_APPROVAL, row, values)
    return changed


async def _votes(connection: AsyncConnection) -> int:
    signer, changed = signer_of(connection), 0
    asked = select(APPROVAL_VOTE, WORKFLOW_APPROVAL.c.digest.label("askedDigest")).join(
        WORKFLOW_APPROVAL, WORKFLOW_APPROVAL.c.id == APPROVAL_VOTE.c.approvalId
    )
    for row in await rows(connection, asked):
        digest = row["askedDigest"] or ""
        if signer.voted(row, digest=digest):
            values = {"signature": signer.vote(row, digest=digest)}
            changed += await _write(connection, APPROVAL_VOTE, row, values)
    return changed


async def _roles(connection: AsyncConnection) -> int:
    """Of people, and what they are called at a provider: their names are signed as well."""
    changed = 0
    for table in (PERSON_ROLE, PERSON_LOGIN):
        named = select(table, PERSON.c.name).join(PERSON, PERSON.c.id == table.c.personId)
        for row in await rows(connection, named):
            kind = "login" if table is PERSON_LOGIN else role_kind(row)
            changed += await _one(connection, kind, table, row)
    return changed


async def _agents(connection: AsyncConnection) -> int:
    changed = 0
    for row in await rows(connection, select(AGENT)):
        theirs = select(AGENT_CAPABILITY).where(AGENT_CAPABILITY.c.agentId == row["id"])
        spec = agent_of(row, await rows(connection, theirs))
        if is_registered(connection, row["projectId"], spec, row["signature"]):
            values = {"signature": sign_agent(connection, row["projectId"], spec)}
            changed += await _write(connection, AGENT, row, values)
    return changed


async def _versions(connection: AsyncConnection) -> int:
    """Plans, and the versions that lead to them."""
    signer, changed = signer_of(connection), 0
    for row in await rows(connection, select(*(column for column in PLAN.c if column.name != "content"))):
        if signer.signed("plan", row, PLAN_FIELDS):
            changed += await _write(connection, PLAN, row, {"signature": signer.sign("plan", row, PLAN_FIELDS)})
    named = select(WORKFLOW_VERSION, WORKFLOW.c.projectId, WORKFLOW.c.name).join(WORKFLOW)
    for row in await rows(connection, named):
        if signer.signed("version", row, VERSION_FIELDS):
            values = {"signature": signer.sign("version", row, VERSION_FIELDS)}
            changed += await _write(connection, WORKFLOW_VERSION, row, values)
    return changed


async def _runs(connection: AsyncConnection) -> int:
    signer, changed = signer_of(connection), 0
    for row in await rows(connection, select(*(WORKFLOW_RUN.c[name] for name in (*RUN_FIELDS, "signature")))):
        if signer.signed("run", row, RUN_FIELDS):
            changed += await _write(connection, WORKFLOW_RUN, row, {"signature": sign_run(connection, row)})
    for row in await rows(connection, select(PROCESSED_EVENT).where(PROCESSED_EVENT.c.signature.is_not(None))):
        if signer.signed("event", row, EVENT_FIELDS):
            values = {"signature": signer.sign("event", row, EVENT_FIELDS)}
            changed += await _write(connection, PROCESSED_EVENT, row, values)
    return changed


async def _one(connection: AsyncConnection, kind: str, table: Table, row: Mapping[Any, Any]) -> int:
    if not is_signed(connection, kind, row):
        return 0
    return await _write(connection, table, row, {"signature": sign(connection, kind, row)})


async def _write(
    connection: AsyncConnection, table: Table, row: Mapping[Any, Any], values: Mapping[str, Any]
) -> int:
    new = {name: value for name, value in values.items() if value != row[name]}
    if not new:
        return 0
    this = [column == row[column.name] for column in table.primary_key]
    await connection.execute(update(table).where(*this).values(**new))
    return 1
