"""Attempts of a node: the last one started is the only one that may end it, and only an approved node starts.

All of this happens with the run locked.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, RowMapping, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from records.approvals.gate_rows import approval_of, current_gate_with_end, rule_of
from records.approvals.votes import votes_of
from records.database.signing import signer_of
from records.database.store import first
from records.errors import NodeFinished, NotApproved, StaleAttempt
from records.measures.ended import (
    WORKER_LOST,
    AgentRunEnd,
    count_agent_run,
    duration_of,
    unfinished_agent_runs,
)
from records.measures.spans import trace_agent_run
from records.runs.node_states import NodeKey, NodeOfRun, end_node_state, node_state, put_node_state
from records.runs.run import EndStatus
from records.tables import AGENT_RUN, NODE_STATE
from records.tables.columns import now


async def require_approved(connection: AsyncConnection, run_id: str, node_id: str, digest: str) -> None:
    """Raises NotApproved unless the node's current approval is APPROVED for that digest.

    Signatures, rule and votes are checked again: a row that says APPROVED may have been written by another program.
    """
    row = await first(connection, current_gate_with_end(run_id, node_id))
    fault = "no approval was requested" if row is None else await _fault(connection, row, digest)
    if fault is not None:
        raise NotApproved(
            f"node {node_id!r} of run {run_id!r} is not approved for {digest} ({fault}): it does not run"
        )


async def _fault(connection: AsyncConnection, row: RowMapping, digest: str) -> str | None:
    """Why this row does not allow the work with that digest to run; None if it does."""
    if not approval_of(row).allows(digest):
        return f"{row['status']} for {row['digest']}"
    if row["wasSuperseded"]:
        return "the audit says that it was superseded, or used once"
    signer, rule = signer_of(connection), rule_of(row)
    if not signer.asked(row) or not signer.decided(row):
        return "the row says APPROVED, but the platform did not sign that decision"
    if row["closedAs"] == "expired":
        return None if rule.on_expiry == "approve" else "its deadline passed, which approves nothing"
    if row["closedAs"] is None:
        votes = len(await votes_of(connection, row))
        return None if votes >= rule.quorum else f"{votes} of {rule.quorum} votes are the platform's"
    return None if row["closedAs"] == "policy" else f"it was closed as {row['closedAs']!r}"


def next_attempt(standing: RowMapping | None, which: NodeOfRun, wanted: int | None) -> int:
    """The number of the attempt that begins. Raises NodeFinished, and StaleAttempt for an old number."""
    if standing is None:
        return wanted or 1
    where = f"node {which[1]!r} of run {which[0]!r}"
    if standing["state"] == "SUCCESS":
        raise NodeFinished(f"{where} succeeded already: use its recorded result")
    if wanted is not None and wanted < standing["attempt"]:
        raise StaleAttempt(f"{where} is at attempt {standing['attempt']} already; attempt {wanted} is stale")
    return int(standing["attempt"]) + 1 if wanted is None else wanted


async def begin_attempt(
    connection: AsyncConnection,
    run: RowMapping,
    node: NodeKey,
    agent_run: Mapping[str, object],
    wanted: int | None,
) -> int:
    """Insert the agent run as the current one; the one before it, if unfinished, is marked as taken over.

    `run` is locked. Returns the number of the attempt.
    """
    which: NodeOfRun = (run["id"], *node)
    standing = await node_state(connection, *which)
    attempt = next_attempt(standing, which, wanted)
    if standing is not None and standing["state"] == "RUNNING":
        await end_unfinished(
            connection,
            run,
            AGENT_RUN.c.id == standing["agentRunId"],
            error=f"taken over by attempt {attempt}",
            kind=WORKER_LOST,
        )
    await connection.execute(AGENT_RUN.insert().values(**agent_run, attempt=attempt))
    values = {"state": "RUNNING", "attempt": attempt, "agentRunId": agent_run["id"]}
    empty = {"reason": None, "outputJson": None}
    await put_node_state(connection, which, values | empty, known=standing is not None)
    return attempt


async def end_unfinished(
    connection: AsyncConnection, run: RowMapping, condition: ColumnElement[bool], *, error: str, kind: str
) -> None:
    """End agent runs of the locked run that nobody else will end: FAILED, for this reason."""
    for row in await unfinished_agent_runs(connection, condition):
        at = await _last_sign(connection, row) if kind == WORKER_LOST else now()
        end = AgentRunEnd(status="FAILED", at=at, failure_kind=kind)
        took = duration_of(row, end)
        ended = {"status": "FAILED", "error": error, "failureKind": kind, "durationMs": took, "finishedAt": now()}
        await connection.execute(update(AGENT_RUN).where(AGENT_RUN.c.id == row["id"]).values(**ended))
        await count_agent_run(connection, row, end, flow_run_id=run["flowRunId"])
        await trace_agent_run(connection, row, run, end, error=error)


async def _last_sign(connection: AsyncConnection, row: RowMapping) -> datetime:
    """When an attempt whose worker died was last heard of: the newest change of a node of its run."""
    mine = NODE_STATE.c.workflowRunId == row["workflowRunId"]
    found = await first(connection, select(func.max(NODE_STATE.c.updatedAt).label("at")).where(mine))
    return row["startedAt"] if found is None or found["at"] is None else max(found["at"], row["startedAt"])


async def end_attempt(
    connection: AsyncConnection, row: RowMapping, status: EndStatus, attempt: int | None
) -> bool:
    """Let the agent run end its node; False if it did so before. Raises StaleAttempt if another one is current."""
    where = f"agent run {row['id']!r} (attempt {row['attempt']})"
    named = row["attempt"] if attempt is None else attempt
    if row["finishedAt"] is not None:
        if (row["status"], row["attempt"]) == (status, named):
            return False  # the response to the first call was lost
        ended = f"{row['status']}: {row['error'] or 'well'}"
        raise StaleAttempt(f"{where} has ended already ({ended}); nothing was changed")
    if named != row["attempt"]:
        raise StaleAttempt(f"{where} cannot be finished by attempt {named}; nothing was changed")
    which = (row["workflowRunId"], row["nodeKey"], row["item"])
    if row["nodeKey"] is not None and not await end_node_state(connection, which, row["id"], status):
        raise StaleAttempt(f"{where} was taken over by a later one; nothing was changed")
    return True
