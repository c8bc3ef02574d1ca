"""A run that ended -> its event `workflow.completed.<workflowName>`, no larger than NATS can carry."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncConnection

from records.database.ids import subject_token
from records.database.payload import MAX_EVENT_BYTES, dumps
from records.database.store import first, rows
from records.events.outbox import emit
from records.measures.spans import context_of
from records.runs.node_states import item_of
from records.runs.run import EndStatus
from records.tables import AGENT, AGENT_RUN, NODE_STATE, PLAN

_MOST_RESULTS = 1_000
_MAX_MESSAGE = 4_000


async def emit_completed(
    connection: AsyncConnection, run: RowMapping, status: EndStatus, message: str, *, outputs: Any = None
) -> None:
    """Emit the end of the run: once, and once more each time it was reopened."""
    results = await _results(connection, run)
    skipped = await _skipped(connection, run["id"])
    payload = {
        "workflowRunId": run["id"],
        "status": status,
        "results": results[:_MOST_RESULTS],
        "outputs": outputs,
        "projectId": run["projectId"],
        "workflowId": run["workflowId"],
        "workflowName": run["workflowName"],
        "message": message[:_MAX_MESSAGE],
        "skipped": skipped[:_MOST_RESULTS],
    }
    if len(results) > _MOST_RESULTS:
        payload["resultsLeftOut"] = len(results) - _MOST_RESULTS
    await emit(
        connection,
        message_id=f"workflow.completed:{run['id']}" + (f":{run['reopened']}" if run["reopened"] else ""),
        project_id=run["projectId"],
        subject=f"workflow.completed.{subject_token('workflow', run['workflowName'])}",
        payload=_fitting(payload),
        traceparent=context_of(connection, run["flowRunId"], run["reopened"]),
    )


async def _results(connection: AsyncConnection, run: RowMapping) -> list[dict[str, Any]]:
    """The last agent run of each node, in the order of the plan."""
    by_agent = NODE_STATE.join(AGENT_RUN, AGENT_RUN.c.id == NODE_STATE.c.agentRunId).join(
        AGENT, AGENT.c.id == AGENT_RUN.c.agentId
    )
    columns = (NODE_STATE.c.nodeKey, NODE_STATE.c.item, AGENT_RUN.c.status, AGENT_RUN.c.outputJson, AGENT.c.name)
    mine = select(*columns).select_from(by_agent).where(NODE_STATE.c.workflowRunId == run["id"])
    found = await rows(connection, mine)
    rank = await _ranks(connection, run["planDigest"])
    found.sort(key=lambda row: (rank.get(row["nodeKey"], len(rank)), row["nodeKey"], row["item"]))
    return [
        {
            "agentName": row["name"],
            "output": row["outputJson"],
            "nodeKey": row["nodeKey"],
            "item": item_of(row),
            "status": row["status"],
        }
        for row in found
    ]


async def _ranks(connection: AsyncConnection, digest: str | None) -> dict[str, int]:
    plan = await first(connection, select(PLAN.c.content).where(PLAN.c.digest == digest))
    nodes: list[dict[str, Any]] = [] if plan is None else json.loads(plan["content"])["nodes"]
    return {node["id"]: place for place, node in enumerate(nodes)}


async def _skipped(connection: AsyncConnection, run_id: str) -> list[str]:
    mine = select(NODE_STATE.c.nodeKey).where(
        NODE_STATE.c.workflowRunId == run_id, NODE_STATE.c.state == "SKIPPED", NODE_STATE.c.item < 0
    )
    return sorted(row["nodeKey"] for row in await rows(connection, mine))


def _fitting(payload: dict[str, Any]) -> dict[str, Any]:
    """The event, with its largest outputs replaced by their size until it fits."""
    sizes = [len(dumps(result["output"]).encode()) for result in payload["results"]]
    total = len(dumps(payload).encode())
    results = list(payload["results"])
    outputs = len(dumps(payload["outputs"]).encode())
    if outputs > MAX_EVENT_BYTES // 2:
        payload |= {"outputs": None, "outputsBytes": outputs}
        total -= outputs
    for place in sorted(range(len(sizes)), key=lambda place: sizes[place], reverse=True):
        if total <= MAX_EVENT_BYTES:
            break
        results[place] = results[place] | {"output": None, "outputBytes": sizes[place]}
        total -= sizes[place] - len('null,"outputBytes":9999999')
    return payload | {"results": results}
