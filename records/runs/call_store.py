"""Nodes that call a workflow <-> the runs that they called, and which of either has to be told of the other's end."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from records.database.signed_plans import read_plan
from records.database.signed_runs import require_as_begun
from records.database.store import Store, first, rows
from records.events.changes import note_change
from records.runs.called import adopt
from records.runs.fencing import lock_run, select_run
from records.runs.node_states import node_state, put_node_state, refuse_ended
from records.runs.run import Run
from records.runs.run_store import run_of
from records.tables import NODE_STATE, WORKFLOW_RUN
from reliability.shielded import shielded

_MOST = 1_000


@dataclass(frozen=True, kw_only=True)
class Caller:
    """A run that waits for one that it called, which has ended."""

    run_id: str
    flow_run_id: str


class CallStore(Store):
    """Runs that called each other."""

    @shielded
    async def note_call(self, run_id: str, node_id: str, flow_run_id: str, *, fencing_token: int) -> None:
        """The node has called that run of Prefect's, and waits for its end. Raises StaleAttempt."""
        async with self._db.write() as connection:
            run = await lock_run(connection, run_id, fencing_token=fencing_token)
            refuse_ended(run)
            row = await node_state(connection, run_id, node_id, None)
            values = {"state": "RUNNING", "calledFlowRunId": flow_run_id, "reason": None, "outputJson": None}
            which = (run_id, node_id, None)
            await put_node_state(connection, which, values, known=row is not None)
            await adopt(connection, flow_run_id, which)
            await note_change(connection, run["projectId"], "run", run_id, run_id=run_id)

    @shielded
    async def open_calls(self, run_id: str) -> dict[str, str]:
        """Node -> Prefect's id of the run that it called and waits for."""
        waiting = select(NODE_STATE.c.nodeKey, NODE_STATE.c.calledFlowRunId).where(
            NODE_STATE.c.workflowRunId == run_id,
            NODE_STATE.c.state == "RUNNING",
            NODE_STATE.c.calledFlowRunId.is_not(None),
        )
        async with self._db.read() as connection:
            return {row["nodeKey"]: row["calledFlowRunId"] for row in await rows(connection, waiting)}

    @shielded
    async def calls(self, flow_run_id: str, plan_digest: str) -> bool:
        """Whether a node has called that run of Prefect's, with that plan. Raises RowForged."""
        caller = (
            select(WORKFLOW_RUN, NODE_STATE.c.nodeKey)
            .join(NODE_STATE, NODE_STATE.c.workflowRunId == WORKFLOW_RUN.c.id)
            .where(NODE_STATE.c.calledFlowRunId == flow_run_id)
        )
        async with self._db.read() as connection:
            row = await first(connection, caller)
            if row is None:
                return False
            require_as_begun(connection, row)
            node = (await read_plan(connection, row["planDigest"])).node(row["nodeKey"])
        return node.calls is not None and node.calls.plan == plan_digest

    @shielded
    async def called_runs(self, run_id: str) -> list[Run]:
        """All runs that nodes of this one called, the oldest first, without their outputs."""
        mine = select_run(outputs=False).where(WORKFLOW_RUN.c.parentRunId == run_id)
        async with self._db.read() as connection:
            found = await rows(connection, mine.order_by(WORKFLOW_RUN.c.startedAt, WORKFLOW_RUN.c.id))
        return [run_of(row) for row in found]

    @shielded
    async def callers_to_wake(self) -> list[Caller]:
        """Runs that go on and wait for one that has ended; some of them may know it already."""
        called = WORKFLOW_RUN.alias("called")
        waiting = (
            select(WORKFLOW_RUN.c.id, WORKFLOW_RUN.c.flowRunId)
            .join(NODE_STATE, NODE_STATE.c.workflowRunId == WORKFLOW_RUN.c.id)
            .join(called, called.c.flowRunId == NODE_STATE.c.calledFlowRunId)
            .where(
                NODE_STATE.c.state == "RUNNING",
                WORKFLOW_RUN.c.finishedAt.is_(None),
                WORKFLOW_RUN.c.flowRunId.is_not(None),
                called.c.finishedAt.is_not(None),
            )
            .distinct()
            .limit(_MOST)
        )
        async with self._db.read() as connection:
            found = await rows(connection, waiting)
        return [Caller(run_id=row["id"], flow_run_id=row["flowRunId"]) for row in found]

    @shielded
    async def orphaned_runs(self) -> list[Run]:
        """Runs that go on although the run that called them has ended."""
        parent = WORKFLOW_RUN.alias("parent")
        left = (
            select_run(outputs=False)
            .join(parent, parent.c.id == WORKFLOW_RUN.c.parentRunId)
            .where(WORKFLOW_RUN.c.finishedAt.is_(None), parent.c.finishedAt.is_not(None))
            .limit(_MOST)
        )
        async with self._db.read() as connection:
            return [run_of(row) for row in await rows(connection, left)]
