"""A run that ended -> its event `workflow.completed.<workflowName>`, no larger than NATS can carry."""

from __future__ import annotations

import json
from collections.abc import Mapping
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
_SIZE_OF_NOTE = 40
"""Bytes of `null,"outputBytes":9999999`, and some more."""


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
    """The event, at most `MAX_EVENT_BYTES` long: the largest values are replaced by null and their size.

    Agents' outputs go first: the workflow's own outputs are what its author wants told. All are on record.
    """
    fitted = payload | {"results": list(payload["results"])}
    left = _size(fitted) - MAX_EVENT_BYTES
    for place, result in _largest_first(dict(enumerate(fitted["results"])), key="output"):
        if left <= 0:
            return fitted
        small = result | {"output": None, "outputBytes": _size(result["output"])}
        left -= _size(result) - _size(small)
        fitted["results"][place] = small
    if left <= 0:
        return fitted
    return _without_outputs(fitted)


def _without_outputs(event: dict[str, Any]) -> dict[str, Any]:
    """The event with null for the workflow's largest outputs, each named with its size, or for all of them."""
    outputs: dict[str, Any] = event["outputs"] or {}
    named, left_out = dict(outputs), dict[str, int]()
    for name, value in _largest_first(outputs):
        named[name] = None
        left_out[name] = _size(value)
        fitted = event | {"outputs": named, "outputsLeftOut": left_out}
        if _size(fitted) <= MAX_EVENT_BYTES:
            return fitted
    # The names alone are too long.
    results: list[Any] = event["results"]
    left_over: int = event.get("resultsLeftOut", 0)
    while True:
        fitted = event | {"outputs": None, "outputsBytes": _size(outputs), "results": results}
        if left_over:
            fitted["resultsLeftOut"] = left_over
        if not results or _size(fitted) <= MAX_EVENT_BYTES:
            return fitted
        kept = results[: len(results) // 2]
        left_over += len(results) - len(kept)
        results = kept


def _largest_first(values: Mapping[Any, Any], *, key: str | None = None) -> list[tuple[Any, Any]]:
    """Entries whose value (or its field `key`) takes more room than a note of its size would."""
    sizes = {name: _size(value if key is None else value[key]) for name, value in values.items()}
    large = [name for name, size in sizes.items() if size > _SIZE_OF_NOTE]
    return [(name, values[name]) for name in sorted(large, key=lambda name: sizes[name], reverse=True)]


def _size(value: Any) -> int:
    return len(dumps(value).encode())
