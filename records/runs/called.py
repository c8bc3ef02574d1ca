"""The run that a node called <-> the node: which of the two is written first does not matter."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from records.database.store import first
from records.runs.node_states import NodeOfRun
from records.tables import NODE_STATE, WORKFLOW_RUN


async def parent_of(connection: AsyncConnection, flow_run_id: str) -> dict[str, Any]:
    """The columns that name who called the run; empty where nobody did, or has not said so yet."""
    mine = NODE_STATE.c.calledFlowRunId == flow_run_id
    row = await first(connection, select(NODE_STATE.c.workflowRunId, NODE_STATE.c.nodeKey).where(mine))
    return {} if row is None else {"parentRunId": row["workflowRunId"], "parentNode": row["nodeKey"]}


async def adopt(connection: AsyncConnection, flow_run_id: str, caller: NodeOfRun) -> None:
    """Name the caller in the row of the run, if that is there already."""
    run_id, node_id, _ = caller
    called = update(WORKFLOW_RUN).where(WORKFLOW_RUN.c.flowRunId == flow_run_id)
    await connection.execute(called.values(parentRunId=run_id, parentNode=node_id))
