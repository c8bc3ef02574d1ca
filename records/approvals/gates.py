"""A node that needs an approval -> one pending approval, bound to the digest of exactly what will run.

Another digest is another approval: it supersedes the old one, decided or not.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import RowMapping, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from compiler.plan import ApprovalRule
from records.approvals.approval import Approval, ApprovalStatus
from records.approvals.audit import NOBODY, Actor, append_audit, was_viewed
from records.approvals.gate_rows import (
    CURRENT,
    GateRef,
    answer,
    approval_of,
    current_gate,
    event_of,
    lock_gate,
    no_gate,
    one_gate,
    select_gate,
)
from records.database.ids import new_id
from records.database.payload import MAX_CARD_BYTES, checked
from records.database.signing import signer_of
from records.database.store import Store, first, rows
from records.events.outbox import emit
from records.measures.spans import context_of
from records.runs.fencing import lock_run
from records.runs.node_states import refuse_ended
from records.tables import WORKFLOW, WORKFLOW_APPROVAL, WORKFLOW_NODE
from records.tables.columns import now
from reliability.shielded import shielded


class GateStore(Store):
    """Approvals: opened, edited, viewed."""

    @shielded
    async def open_gate(
        self,
        *,
        run_id: str,
        node_id: str,
        digest: str,
        card: Mapping[str, Any],
        rule: ApprovalRule,
        trusted: str | None = None,
        fencing_token: int | None = None,
    ) -> Approval:
        """Ask, with `workflow.approval.requested`; the same question again gives the same approval.

        `trusted` names the trigger that the approval policy lets pass: recorded as approved by policy.
        """
        values = {"digest": digest, "card": dict(card), "rule": rule.model_dump(mode="json")}
        checked(f"the approval card of node {node_id!r}", values, limit=MAX_CARD_BYTES)
        async with self._db.write() as connection:
            run = await lock_run(connection, run_id, fencing_token=fencing_token)
            refuse_ended(run)
            row = await first(connection, current_gate(run_id, node_id))
            if row is None or not _same_question(row, digest):
                row = await _ask(connection, run, node_id, values, before=row)
                if trusted is not None:
                    policy = Actor(name=f"policy: {trusted}", verified=True, channel="policy")
                    await answer(connection, row, "APPROVED", actor=policy, closed_as="policy")
                    row = await first(connection, one_gate(row["id"]))
                    assert row is not None
        return approval_of(row)

    @shielded
    async def amend_gate(
        self,
        which: GateRef,
        *,
        digest: str,
        card: Mapping[str, Any],
        edits: Mapping[str, Any],
        by: str,
        verified: bool,
        channel: str,
        seen: str | None = None,
        project_id: int | None = None,
    ) -> Approval | None:
        """A person edited inputs: open an approval for the new digest. None if the old one is decided already.

        `seen`: the digest of what was changed; None as well if the current approval is another one by now.

        The caller has checked the edits against the action's schema. Votes for the old question do not count.
        """
        values = {"digest": digest, "card": dict(card), "edits": dict(edits)}
        checked("the approval card", values, limit=MAX_CARD_BYTES)
        async with self._db.write() as connection:
            row = await lock_gate(connection, which, project_id)
            if row["status"] != "PENDING" or row["supersededAt"] is not None or seen not in (None, row["digest"]):
                return None
            run = await lock_run(connection, row["workflowRunId"])
            base = row["baseDigest"] or row["digest"]
            values |= {"rule": row["rule"], "baseDigest": base}
            editor = Actor(name=by, verified=verified, channel=channel)
            return approval_of(await _ask(connection, run, row["nodeKey"], values, before=row, actor=editor))

    @shielded
    async def approval(self, run_id: str, node_id: str, *, project_id: int | None = None) -> Approval | None:
        """The current approval; None if the node has none."""
        async with self._db.read() as connection:
            row = await first(connection, current_gate(run_id, node_id))
        return None if row is None or project_id not in (None, row["projectId"]) else approval_of(row)

    @shielded
    async def question(self, which: GateRef, *, project_id: int | None = None) -> Approval:
        """The approval that is meant, superseded or not. Raises NotFound."""
        async with self._db.read() as connection:
            row = await first(connection, one_gate(which))
        if row is None or project_id not in (None, row["projectId"]):
            raise no_gate(which)
        return approval_of(row)

    @shielded
    async def approvals(
        self,
        project_id: int | None = None,
        status: ApprovalStatus | None = None,
        *,
        run_id: str | None = None,
        superseded: bool = False,
        limit: int = 1_000,
        newest: bool = False,
    ) -> list[Approval]:
        """Approvals, oldest (or newest) first; with superseded ones on request; of one project or (None) of all."""
        order = (WORKFLOW_APPROVAL.c.requestedAt, WORKFLOW_APPROVAL.c.id)
        chosen = select_gate().order_by(*(each.desc() if newest else each for each in order)).limit(limit)
        if project_id is not None:
            chosen = chosen.where(WORKFLOW.c.projectId == project_id)
        if status is not None:
            chosen = chosen.where(WORKFLOW_APPROVAL.c.status == status)
        if run_id is not None:
            chosen = chosen.where(WORKFLOW_APPROVAL.c.workflowRunId == run_id)
        if not superseded:
            chosen = chosen.where(CURRENT)
        async with self._db.read() as connection:
            return [approval_of(row) for row in await rows(connection, chosen)]

    @shielded
    async def record_view(
        self, which: GateRef, *, by: str | None, verified: bool, channel: str, project_id: int | None = None
    ) -> None:
        """Record that a person viewed the card; looking again by the same channel adds nothing to the audit."""
        async with self._db.write() as connection:
            row = await lock_gate(connection, which, project_id)
            actor = Actor(name=by, verified=verified, channel=channel)
            if not await was_viewed(connection, row, actor):
                await append_audit(connection, row, "viewed", actor)


def _same_question(row: RowMapping, digest: str) -> bool:
    # A run that ended closed its questions; when it is tried again they are asked again.
    return digest in (row["digest"], row["baseDigest"]) and row["closedAs"] != "run-ended"


async def _ask(
    connection: AsyncConnection,
    run: RowMapping,
    node_id: str,
    values: dict[str, Any],
    *,
    before: RowMapping | None,
    actor: Actor = NOBODY,
) -> RowMapping:
    if before is not None:
        await _supersede(connection, before, values["digest"], actor)
    approval_id = new_id()
    key = {"id": approval_id, "workflowRunId": run["id"], "nodeKey": node_id, "status": "PENDING"}
    asked_at = now()
    seconds = None if values["rule"] is None else values["rule"]["deadline_seconds"]
    deadline = None if seconds is None else asked_at + timedelta(seconds=seconds)
    if before is not None and "edits" in values:
        deadline = before["deadline"]  # an edit buys no time
    times = {"requestedAt": asked_at, "deadline": deadline}
    node = await _node_row_id(connection, run["workflowId"], node_id)
    asked = {"baseDigest": None, **key, **values}
    asked["questionSignature"] = signer_of(connection).question(asked)
    await connection.execute(WORKFLOW_APPROVAL.insert().values(**asked, **times, nodeId=node))
    row = await first(connection, one_gate(approval_id))
    assert row is not None
    await append_audit(connection, row, "requested", actor)
    await emit(
        connection,
        message_id=f"workflow.approval.requested:{approval_id}",
        project_id=row["projectId"],
        subject="workflow.approval.requested",
        payload=event_of(row),
        traceparent=context_of(connection, row["flowRunId"], row["reopened"]),
    )
    return row


async def _supersede(connection: AsyncConnection, row: RowMapping, digest: str, actor: Actor) -> None:
    notes = f"what will run has changed: asked again for {digest}"
    if not await answer(connection, row, "REJECTED", actor=actor, notes=notes, closed_as="superseded"):
        await append_audit(connection, row, "superseded", actor, notes=notes)
    this = WORKFLOW_APPROVAL.c.id == row["id"]
    await connection.execute(update(WORKFLOW_APPROVAL).where(this).values(supersededAt=now()))


async def _node_row_id(connection: AsyncConnection, workflow_id: str, node_id: str) -> str:
    """The node's row, as the mission's engine writes it; its id in the YAML if the workflow no longer has it."""
    here = select(WORKFLOW_NODE.c.id).where(
        WORKFLOW_NODE.c.workflowId == workflow_id, WORKFLOW_NODE.c.key == node_id
    )
    row = await first(connection, here)
    return node_id if row is None else row["id"]
