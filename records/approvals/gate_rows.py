"""Rows of WorkflowApproval: how they are read, locked and closed.

Every change of an approval locks its run first, so that votes are counted one after the other on PostgreSQL, too.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import RowMapping, Select, exists, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from compiler.plan import ApprovalRule
from records.approvals.approval import Approval, ApprovalStatus
from records.approvals.audit import NOBODY, Actor, append_audit
from records.database.payload import MAX_NOTES, line
from records.database.read_row import read_row
from records.database.signing import signer_of
from records.database.store import first, rows
from records.errors import NotFound
from records.events.outbox import emit
from records.events.payloads import ApprovalDecided, ApprovalEvent
from records.measures.ended import count_approval
from records.measures.spans import context_of, trace_approval
from records.runs.fencing import lock_run
from records.tables import APPROVAL_AUDIT, WORKFLOW, WORKFLOW_APPROVAL, WORKFLOW_RUN
from records.tables.columns import now
from reliability.public_address import approval_link

GateRef = str | tuple[str, str]
"""An approval by its id, or by run and node."""

_GATES = WORKFLOW_APPROVAL.join(WORKFLOW_RUN, WORKFLOW_RUN.c.id == WORKFLOW_APPROVAL.c.workflowRunId).join(
    WORKFLOW, WORKFLOW.c.id == WORKFLOW_RUN.c.workflowId
)
CURRENT = WORKFLOW_APPROVAL.c.supersededAt.is_(None)


def select_gate() -> Select[tuple[Any, ...]]:
    """Approvals with their workflow's name and project, and who started the run."""
    return select(
        WORKFLOW_APPROVAL,
        WORKFLOW.c.projectId.label("projectId"),
        WORKFLOW.c.name.label("workflowName"),
        WORKFLOW_RUN.c.triggeredBy.label("triggeredBy"),
        WORKFLOW_RUN.c.flowRunId.label("flowRunId"),
        WORKFLOW_RUN.c.reopened.label("reopened"),
    ).select_from(_GATES)


def current_gate(run_id: str, node_id: str) -> Select[tuple[Any, ...]]:
    """The current approval, by the node's id in the YAML or its row's id."""
    node = or_(WORKFLOW_APPROVAL.c.nodeKey == node_id, WORKFLOW_APPROVAL.c.nodeId == node_id)
    return select_gate().where(WORKFLOW_APPROVAL.c.workflowRunId == run_id, node, CURRENT)


def one_gate(which: GateRef) -> Select[tuple[Any, ...]]:
    """The approval with this id."""
    if isinstance(which, str):
        return select_gate().where(WORKFLOW_APPROVAL.c.id == which)
    return current_gate(*which)


def current_gate_with_end(run_id: str, node_id: str) -> Select[tuple[Any, ...]]:
    """The current approval, and whether the audit knows it as superseded.

    An approval that was superseded, or used once, becomes current again for whoever clears `supersededAt` by hand. From
    the audit nothing can be removed.
    """
    ended = exists().where(
        APPROVAL_AUDIT.c.approvalId == WORKFLOW_APPROVAL.c.id, APPROVAL_AUDIT.c.event == "superseded"
    )
    return current_gate(run_id, node_id).add_columns(ended.label("wasSuperseded"))


async def lock_gate(connection: AsyncConnection, which: GateRef, project_id: int | None = None) -> RowMapping:
    """The approval, locked until the transaction ends. Raises NotFound."""
    row = await first(connection, one_gate(which))
    if row is None or project_id not in (None, row["projectId"]):
        raise no_gate(which)
    await lock_run(connection, row["workflowRunId"])
    locked = await first(connection, one_gate(row["id"]))
    assert locked is not None
    return locked


def no_gate(which: GateRef) -> NotFound:
    """The error for an approval that does not exist."""
    hint = "list the open ones with `commandcenter approvals`"
    return NotFound("the approval", which if isinstance(which, str) else " ".join(which), hint)


async def answer(
    connection: AsyncConnection,
    row: RowMapping,
    status: ApprovalStatus,
    *,
    actor: Actor = NOBODY,
    notes: str | None = None,
    closed_as: str | None = None,
) -> bool:
    """Compare and set: the first decision of a pending approval stands; False if there was one before."""
    values = {
        "status": status,
        "respondedAt": now(),
        "respondedBy": line(actor.name, 200),
        "verified": actor.verified,
        "channel": actor.channel,
        "notes": line(notes, MAX_NOTES),
        "closedAs": closed_as,
    }
    values["signature"] = signer_of(connection).decision({**row, **values})
    pending = (WORKFLOW_APPROVAL.c.id == row["id"]) & (WORKFLOW_APPROVAL.c.status == "PENDING")
    if (await connection.execute(update(WORKFLOW_APPROVAL).where(pending).values(**values))).rowcount != 1:
        return False
    await count_approval(connection, row, values)
    await trace_approval(connection, row, values)
    await append_audit(connection, row, closed_as or status.lower(), actor, notes=notes)
    await emit(
        connection,
        message_id=f"workflow.approval.decided:{row['id']}",
        project_id=row["projectId"],
        subject="workflow.approval.decided",
        payload=ApprovalDecided(
            **event_of(row),
            status="APPROVED" if status == "APPROVED" else "REJECTED",
            by=line(actor.name, 200),
            closedAs=closed_as,
        ),
        traceparent=context_of(connection, row["flowRunId"], row["reopened"]),
    )
    return True


async def close_gates(connection: AsyncConnection, run: RowMapping) -> None:
    """The run has ended: pending approvals are rejected."""
    asked = select_gate().where(
        WORKFLOW_APPROVAL.c.workflowRunId == run["id"], WORKFLOW_APPROVAL.c.status == "PENDING"
    )
    for row in await rows(connection, asked):
        notes = "the run ended before anybody decided"
        await answer(connection, row, "REJECTED", notes=notes, closed_as="run-ended")


async def ask_again(
    connection: AsyncConnection, run_id: str, nodes: Sequence[str], *, done: Collection[str]
) -> None:
    """These nodes run again: whoever asked for that asks about them anew.

    What was approved for those that are `done` is used up: it is not what lets them do it once more. What was rejected
    is a question again, so that a rerun does not end at once with the old answer; a retry leaves it rejected.
    """
    for status, chosen, notes in (
        ("APPROVED", done, "it was done once; a rerun is asked about"),
        ("REJECTED", nodes, "it was rejected; a rerun is asked about"),
    ):
        answered = select_gate().where(
            WORKFLOW_APPROVAL.c.workflowRunId == run_id,
            WORKFLOW_APPROVAL.c.nodeKey.in_(chosen),
            WORKFLOW_APPROVAL.c.status == status,
            CURRENT,
        )
        for row in await rows(connection, answered):
            this = WORKFLOW_APPROVAL.c.id == row["id"]
            await connection.execute(update(WORKFLOW_APPROVAL).where(this).values(supersededAt=now()))
            await append_audit(connection, row, "superseded", NOBODY, notes=notes)


def event_of(row: RowMapping) -> ApprovalEvent:
    """Payload of every event about an approval. `nodeId` is the node's row, `nodeKey` its id in the YAML."""
    event: ApprovalEvent = {
        "workflowRunId": row["workflowRunId"],
        "nodeId": row["nodeId"],
        "nodeKey": row["nodeKey"],
        "approvalId": row["id"],
        "projectId": row["projectId"],
        "workflowName": row["workflowName"],
        "digest": row["digest"],
        "deadline": None if row["deadline"] is None else row["deadline"].isoformat(),
    }
    link = approval_link(row["id"])
    return event if link is None else {**event, "link": link}


def rule_of(row: RowMapping) -> ApprovalRule:
    """The rule of the approval; the default for a row that another program wrote."""
    return ApprovalRule() if row["rule"] is None else ApprovalRule.model_validate(row["rule"])


def approval_of(row: RowMapping) -> Approval:
    """The row as an Approval."""
    return read_row(Approval, row, node_id=row["nodeKey"] or row["nodeId"], rule=rule_of(row))
