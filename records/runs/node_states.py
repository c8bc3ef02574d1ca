"""State and result of each node of a run -> the checkpoint that a re-run reads, so that it repeats nothing."""

from __future__ import annotations

from typing import Any

from sqlalchemy import RowMapping, Select, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from records.database.ids import new_id
from records.database.payload import checked, line
from records.database.read_row import read_row
from records.database.store import Store, first, rows
from records.errors import NodeFinished, StaleAttempt
from records.events.changes import note_change
from records.runs.fencing import lock_run
from records.runs.run import EndStatus, NodeResult, NodeStatus
from records.tables import AGENT_RUN, NODE_STATE
from records.tables.columns import now
from reliability.shielded import shielded

NodeKey = tuple[str, int | None]
"""Node id and item; None for the node as a whole."""
NodeOfRun = tuple[str, str, int | None]
"""Run, node id and item."""
_WHOLE = -1


class NodeStateStore(Store):
    """Results of nodes, with or without an agent run."""

    @shielded
    async def record_node(
        self,
        run_id: str,
        node_id: str,
        *,
        state: NodeStatus,
        item: int | None = None,
        output: Any = None,
        reason: str | None = None,
        fencing_token: int | None = None,
    ) -> None:
        """Record the end of a node without an agent run of its own: skipped, rejected, or a whole `foreach`.

        Raises NodeFinished if it succeeded before, StaleAttempt for an old fencing token or an ended run.
        """
        checked(f"the output of node {node_id!r}", output)
        async with self._db.write() as connection:
            run = await lock_run(connection, run_id, fencing_token=fencing_token)
            refuse_ended(run)
            row = await node_state(connection, run_id, node_id, item)
            if row is not None and row["state"] == "SUCCESS" and state != "SUCCESS":
                raise NodeFinished(
                    f"node {node_id!r} of run {run_id!r} succeeded already and cannot become {state}"
                )
            values = {"state": state, "outputJson": output, "reason": line(reason)}
            await put_node_state(connection, (run_id, node_id, item), values, known=row is not None)
            await note_change(connection, run["projectId"], "run", run_id, run_id=run_id)

    @shielded
    async def node_results(self, run_id: str) -> dict[NodeKey, NodeResult]:
        """How each finished node ended, by node id and item."""
        ended = _select_results(run_id).where(NODE_STATE.c.state.in_(("SUCCESS", "FAILED", "SKIPPED")))
        async with self._db.read() as connection:
            results = [_result(row) for row in await rows(connection, ended)]
        return {(result.node_id, result.item): result for result in results}

    @shielded
    async def times_done(self, run_id: str) -> dict[NodeKey, int]:
        """How often nodes, and items, had ended well before they were run again; those that never had are left out."""
        more = select(NODE_STATE).where(NODE_STATE.c.workflowRunId == run_id, NODE_STATE.c.timesDone > 0)
        async with self._db.read() as connection:
            return {(row["nodeKey"], item_of(row)): row["timesDone"] for row in await rows(connection, more)}

    @shielded
    async def running_nodes(self, run_id: str) -> dict[NodeKey, str | None]:
        """Nodes that were begun and have not ended, with the id of their agent run."""
        begun = select(NODE_STATE).where(NODE_STATE.c.workflowRunId == run_id, NODE_STATE.c.state == "RUNNING")
        async with self._db.read() as connection:
            found = await rows(connection, begun)
        return {(row["nodeKey"], item_of(row)): row["agentRunId"] for row in found}


def refuse_ended(run: RowMapping) -> None:
    """Raises StaleAttempt where the run has ended."""
    if run["finishedAt"] is not None:
        raise StaleAttempt(f"run {run['id']!r} has ended ({run['status']}): no node can be recorded in it")


async def node_state(
    connection: AsyncConnection, run_id: str, node_id: str, item: int | None
) -> RowMapping | None:
    """State of the node; None if it has not started."""
    return await first(connection, select(NODE_STATE).where(_same_node(run_id, node_id, item)))


async def put_node_state(
    connection: AsyncConnection, which: NodeOfRun, values: dict[str, Any], *, known: bool
) -> None:
    """Insert the node's row, or change it where it is `known`. The run is locked, so there is no concurrent writer."""
    values = values | {"updatedAt": now()}
    run_id, node_id, item = which
    if known:
        await connection.execute(update(NODE_STATE).where(_same_node(run_id, node_id, item)).values(**values))
        return
    key = {"id": new_id(), "workflowRunId": run_id, "nodeKey": node_id, "item": _WHOLE if item is None else item}
    await connection.execute(NODE_STATE.insert().values(**key, **values))


async def end_node_state(
    connection: AsyncConnection, which: NodeOfRun, agent_run_id: str, status: EndStatus
) -> bool:
    """Set the node's state from its agent run; False if another agent run has taken the node over."""
    mine = _same_node(*which) & (NODE_STATE.c.agentRunId == agent_run_id)
    change = update(NODE_STATE).where(mine).values(state=status, reason=None, updatedAt=now())
    return (await connection.execute(change)).rowcount == 1


def item_of(row: RowMapping) -> int | None:
    """The item of a NodeState row, with None for no item."""
    return None if row["item"] == _WHOLE else row["item"]


def _same_node(run_id: str, node_id: str, item: int | None) -> Any:
    return (
        (NODE_STATE.c.workflowRunId == run_id)
        & (NODE_STATE.c.nodeKey == node_id)
        & (NODE_STATE.c.item == (_WHOLE if item is None else item))
    )


def _select_results(run_id: str) -> Select[tuple[Any, ...]]:
    return (
        select(NODE_STATE, AGENT_RUN.c.outputJson.label("agentOutput"), AGENT_RUN.c.error.label("agentError"))
        .join_from(NODE_STATE, AGENT_RUN, AGENT_RUN.c.id == NODE_STATE.c.agentRunId, isouter=True)
        .where(NODE_STATE.c.workflowRunId == run_id)
    )


def _result(row: RowMapping) -> NodeResult:
    by_agent = row["agentRunId"] is not None
    return read_row(
        NodeResult,
        row,
        item=item_of(row),
        status=row["state"],
        output=row["agentOutput"] if by_agent else row["outputJson"],
        reason=row["agentError"] if by_agent else row["reason"],
    )
