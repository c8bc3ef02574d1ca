"""Pending approvals and the time -> expired, escalated or reminded of, by their rule."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import RowMapping, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from records.approvals.approval import Approval
from records.approvals.audit import NOBODY, Actor, append_audit
from records.approvals.gate_rows import CURRENT, answer, approval_of, event_of, lock_gate, one_gate, rule_of
from records.database.store import Store, first, rows
from records.events.outbox import emit
from records.measures.spans import context_of
from records.tables import WORKFLOW_APPROVAL, WORKFLOW_RUN
from records.tables.columns import now
from reliability.shielded import shielded

_PENDING = (WORKFLOW_APPROVAL.c.status == "PENDING") & CURRENT
_CLOCK = Actor(name=None, channel="deadline")


class DeadlineStore(Store):
    """Deadlines and reminders. Called periodically by the listener."""

    @shielded
    async def expire_gates(self, *, limit: int = 1_000) -> list[Approval]:
        """Apply the rule of each approval whose deadline has passed; returns those that changed."""
        due = _PENDING & (WORKFLOW_APPROVAL.c.deadline <= now()) & WORKFLOW_APPROVAL.c.escalatedAt.is_(None)
        async with self._db.read() as connection:
            found = await rows(connection, select(WORKFLOW_APPROVAL.c.id).where(due).limit(limit))
        changed: list[Approval] = []
        for each in found:
            async with self._db.write() as connection:
                row = await lock_gate(connection, each["id"])
                if row["status"] == "PENDING" and row["supersededAt"] is None and row["escalatedAt"] is None:
                    await expire(connection, row)
                    changed.append(approval_of(await _again(connection, row)))
        return changed

    @shielded
    async def runs_with_gates_due(self, within: timedelta, *, limit: int = 1_000) -> list[tuple[str, str]]:
        """Runs (id, flow run's id) with a question whose deadline passes within that time, or has passed."""
        due = (
            _PENDING & (WORKFLOW_APPROVAL.c.deadline <= now() + within) & WORKFLOW_APPROVAL.c.escalatedAt.is_(None)
        )
        chosen = (
            select(WORKFLOW_RUN.c.id, WORKFLOW_RUN.c.flowRunId)
            .join(WORKFLOW_APPROVAL, WORKFLOW_APPROVAL.c.workflowRunId == WORKFLOW_RUN.c.id)
            .where(due, WORKFLOW_RUN.c.flowRunId.is_not(None))
            .distinct()
            .limit(limit)
        )
        async with self._db.read() as connection:
            return [(row["id"], row["flowRunId"]) for row in await rows(connection, chosen)]

    @shielded
    async def remind_gates(self, every: timedelta, *, limit: int = 1_000) -> list[Approval]:
        """Emit a reminder for approvals that have waited that long since the last one; returns them."""
        last = func.coalesce(WORKFLOW_APPROVAL.c.remindedAt, WORKFLOW_APPROVAL.c.requestedAt)
        quiet = _PENDING & (last <= now() - every)
        async with self._db.read() as connection:
            found = await rows(connection, select(WORKFLOW_APPROVAL.c.id).where(quiet).limit(limit))
        reminded: list[Approval] = []
        for each in found:
            async with self._db.write() as connection:
                row = await lock_gate(connection, each["id"])
                still = (WORKFLOW_APPROVAL.c.id == row["id"]) & quiet
                change = update(WORKFLOW_APPROVAL).where(still).values(remindedAt=now())
                if (await connection.execute(change)).rowcount == 1:
                    await _tell(connection, row, "reminded")
                    reminded.append(approval_of(row))
        return reminded


async def expire(connection: AsyncConnection, row: RowMapping) -> None:
    """Apply the rule of one pending approval whose deadline has passed."""
    on_expiry = rule_of(row).on_expiry
    if on_expiry == "escalate":
        this = WORKFLOW_APPROVAL.c.id == row["id"]
        await connection.execute(update(WORKFLOW_APPROVAL).where(this).values(escalatedAt=now()))
        await _tell(connection, row, "escalated")
        return
    status = "APPROVED" if on_expiry == "approve" else "REJECTED"
    notes = f"nobody decided before {row['deadline']:%Y-%m-%d %H:%M:%S} UTC"
    await answer(connection, row, status, actor=_CLOCK, notes=notes, closed_as="expired")


async def _tell(connection: AsyncConnection, row: RowMapping, event: str) -> None:
    await append_audit(connection, row, event, NOBODY)
    stamp = f"{now():%Y%m%d%H%M%S%f}"
    await emit(
        connection,
        message_id=f"workflow.approval.{event}:{row['id']}:{stamp}",
        project_id=row["projectId"],
        subject=f"workflow.approval.{event}",
        payload=event_of(row),
        traceparent=context_of(connection, row["flowRunId"], row["reopened"]),
    )


async def _again(connection: AsyncConnection, row: RowMapping) -> RowMapping:
    fresh = await first(connection, one_gate(row["id"]))
    assert fresh is not None
    return fresh
