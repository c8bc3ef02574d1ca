"""A row that ends -> its span, written in the same transaction, once; exported later with its true times.

The ids are derived from the run, so the span of a run is known before it ends and the spans of its nodes can name it
as their parent, whichever process writes them. Without tracing nothing is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from observability.traces.ids import (
    agent_span_id,
    parse_traceparent,
    run_span_id,
    span_id,
    trace_id,
    traceparent,
)
from observability.traces.parts import AttemptPart, spans_of
from observability.traces.span import Span, Status, epoch_ms, present
from records.database.connections import is_traced
from records.database.store import Store, first, insert_new, rows
from records.measures.ended import WORKER_LOST, AgentRunEnd, origin_of
from records.tables import RUN_ORIGIN, SPAN, WORKFLOW_RUN
from records.tables.columns import now
from reliability.shielded import shielded

KEEP_WAITING = timedelta(days=7)
"""For so long spans wait for an endpoint that does not answer."""
_MAX_TEXT = 500


@dataclass(frozen=True, kw_only=True)
class WaitingSpan:
    """A span that is not exported yet."""

    id: int
    span: Span


class SpanStore(Store):
    """Spans that wait to be exported."""

    @shielded
    async def waiting_spans(self, limit: int = 500) -> list[WaitingSpan]:
        """Those not exported, oldest first."""
        waiting = select(SPAN).where(SPAN.c.exportedAt.is_(None)).order_by(SPAN.c.id).limit(limit)
        async with self._db.read() as connection:
            found = await rows(connection, waiting)
        return [WaitingSpan(id=row["id"], span=Span.from_json(row["content"])) for row in found]

    @shielded
    async def mark_exported(self, ids: Sequence[int]) -> None:
        """The endpoint has them. Their rows stay for a day, so that a repeated change cannot write them again."""
        async with self._db.write() as connection:
            mark = SPAN.update().where(SPAN.c.id.in_(list(ids))).values(exportedAt=now(), content={})
            await connection.execute(mark)

    @shielded
    async def note_caller(self, flow_run_id: str, traceparent: str) -> None:
        """A run was started by a request of this trace: it becomes a link of the run's span."""
        if parse_traceparent(traceparent) is not None:
            async with self._db.write() as connection:
                await keep_origin(connection, flow_run_id, received_at=now(), traceparent=traceparent)

    @shielded
    async def prune_spans(self) -> int:
        """Delete spans that were exported a day ago, and those that have waited for too long."""
        old = (SPAN.c.exportedAt < now() - timedelta(days=1)) | (SPAN.c.createdAt < now() - KEEP_WAITING)
        async with self._db.write() as connection:
            return (await connection.execute(delete(SPAN).where(old))).rowcount


async def keep_origin(
    connection: AsyncConnection, flow_run_id: str, *, received_at: datetime, traceparent: str | None
) -> None:
    """Note where a run came from; the first note stays. A `traceparent` that is none is left out."""
    known = None if parse_traceparent(traceparent) is None else traceparent
    origin = {"flowRunId": flow_run_id, "receivedAt": received_at, "traceparent": known}
    await insert_new(connection, RUN_ORIGIN, origin)


async def add_span(connection: AsyncConnection, span: Span) -> None:
    """Leave the span; a second one of the same id is ignored."""
    values = {"spanId": span.span_id, "traceId": span.trace_id, "content": span.as_json(), "createdAt": now()}
    await insert_new(connection, SPAN, values)


def context_of(connection: AsyncConnection, flow_run_id: str | None, reopened: int = 0) -> str | None:
    """The `traceparent` of what a run tells others; None without tracing."""
    if flow_run_id is None or not is_traced(connection):
        return None
    return traceparent(trace_id(flow_run_id), run_span_id(flow_run_id, reopened))


async def trace_start(connection: AsyncConnection, workflow: RowMapping, values: Mapping[str, Any]) -> None:
    """A span without length, so that a run that goes on can be found by its trace."""
    flow = values["flowRunId"]
    if flow is None or not is_traced(connection):
        return
    at = epoch_ms(values["startedAt"])
    attributes = _run_attributes(workflow["name"], workflow["id"], workflow["projectId"], values)
    await add_span(
        connection,
        Span(
            trace_id=trace_id(flow),
            span_id=span_id(flow, "started"),
            parent_id=run_span_id(flow),
            name=f"workflow.{workflow['name']} started",
            start_ms=at,
            end_ms=at,
            attributes=attributes,
        ),
    )


async def trace_run(
    connection: AsyncConnection, run: RowMapping, *, status: str, message: str, at: datetime
) -> None:
    """The span of the whole run: the root, or for a retry a child of it."""
    flow = run["flowRunId"]
    if flow is None or not is_traced(connection):
        return
    origin = await origin_of(connection, flow)
    caller = None if origin is None else parse_traceparent(origin["traceparent"])
    attributes = _run_attributes(run["workflowName"], run["workflowId"], run["projectId"], dict(run))
    attributes |= {
        "cicd.pipeline.result": "success" if status == "SUCCESS" else "failure",
        "commandcenter.run.status": status,
    }
    if caller is not None:
        attributes["commandcenter.caller.trace_id"] = caller[0]
    links = [] if caller is None else [caller]
    if (parent := await _parent_of(connection, run)) is not None:
        attributes["commandcenter.parent.run_id"] = run["parentRunId"]
        attributes["commandcenter.parent.node"] = run["parentNode"]
        links.append(parent)
    reopened: int = run["reopened"]
    await add_span(
        connection,
        Span(
            trace_id=trace_id(flow),
            span_id=run_span_id(flow, reopened),
            parent_id=run_span_id(flow) if reopened else None,
            name=f"workflow.{run['workflowName']}",
            start_ms=epoch_ms(run["startedAt"]),
            end_ms=epoch_ms(at),
            kind="server",
            attributes=attributes,
            status="ok" if status == "SUCCESS" else "error",
            message=message[:_MAX_TEXT] if status != "SUCCESS" else "",
            links=tuple(links),
        ),
    )


async def _parent_of(connection: AsyncConnection, run: RowMapping) -> tuple[str, str] | None:
    """Trace and span of the run that called this one, which has a trace of its own; None where nobody did."""
    if run["parentRunId"] is None:
        return None
    mine = select(WORKFLOW_RUN.c.flowRunId, WORKFLOW_RUN.c.reopened).where(WORKFLOW_RUN.c.id == run["parentRunId"])
    found = await first(connection, mine)
    if found is None or found["flowRunId"] is None:
        return None
    return trace_id(found["flowRunId"]), run_span_id(found["flowRunId"], found["reopened"])


async def trace_agent_run(
    connection: AsyncConnection, row: RowMapping, run: RowMapping, end: AgentRunEnd, *, error: str | None
) -> None:
    """One attempt of a node. `row`: the agent run with `agentName`, before its end; `run`: of its workflow, locked."""
    flow, node = run["flowRunId"], row["nodeKey"]
    if flow is None or node is None or not is_traced(connection):
        return
    status: Status = "ok" if end.status == "SUCCESS" else "error"
    attributes = present(
        {
            "workflow.id": run["workflowId"],
            "workflow.run_id": run["id"],
            "project.id": run["projectId"],
            "agent.name": row["agentName"],
            "agent.version": row["agentVersion"],
            "agent.action": row["action"],
            "agent.run_id": row["id"],
            "gen_ai.agent.name": row["agentName"],
            "gen_ai.operation.name": "invoke_agent",
            "cicd.pipeline.task.name": node,
            "cicd.pipeline.task.run.id": row["id"],
            "cicd.pipeline.task.run.result": "success" if status == "ok" else "failure",
            "commandcenter.node.id": node,
            "commandcenter.node.item": row["item"],
            "commandcenter.attempt": row["attempt"],
            "error.type": "worker_lost" if end.failure_kind == WORKER_LOST else end.failure_kind,
            "commandcenter.agent.memory_kb": end.memory_kb,
            "commandcenter.agent.cpu_ms": end.cpu_ms,
            "commandcenter.jail.denials": end.denied or None,
            "gen_ai.usage.input_tokens": end.model_use.input_tokens or None,
            "gen_ai.usage.output_tokens": end.model_use.output_tokens or None,
        }
    )
    span = Span(
        trace_id=trace_id(flow),
        span_id=agent_span_id(flow, node, row["item"], row["attempt"]),
        parent_id=run_span_id(flow, run["reopened"]),
        name=f"agent.{row['agentName']}.{row['action'] or node}",
        start_ms=epoch_ms(row["startedAt"]),
        end_ms=epoch_ms(end.at),
        attributes=attributes,
        status=status,
        message=(error or "")[:_MAX_TEXT] if status == "error" else "",
    )
    await add_span(connection, span)
    await _add_parts(connection, span, end.parts)


async def trace_proposal(
    connection: AsyncConnection,
    row: Mapping[str, Any],
    run: RowMapping,
    *,
    agent: str,
    parts: Sequence[AttemptPart],
) -> None:
    """The execution in which an agent proposed its effect. `row`: what is written of it; `run`: of its workflow."""
    flow, node = run["flowRunId"], row["nodeKey"]
    if flow is None or not is_traced(connection):
        return
    ended = epoch_ms(row["proposedAt"])
    status: Status = "ok" if row["error"] is None else "error"
    item = None if row["item"] < 0 else row["item"]
    span = Span(
        trace_id=trace_id(flow),
        span_id=span_id(flow, "proposal", row["id"]),
        parent_id=run_span_id(flow, run["reopened"]),
        name=f"proposal.{agent}",
        start_ms=ended - (row["durationMs"] or 0),
        end_ms=ended,
        attributes=present(
            {
                "workflow.id": run["workflowId"],
                "workflow.run_id": run["id"],
                "project.id": run["projectId"],
                "agent.name": agent,
                "effect.kind": row["effect"],
                "commandcenter.node.id": node,
                "commandcenter.node.item": item,
            }
        ),
        status=status,
        message=(row["error"] or "")[:_MAX_TEXT],
    )
    await add_span(connection, span)
    await _add_parts(connection, span, parts)


async def _add_parts(connection: AsyncConnection, span: Span, parts: Sequence[AttemptPart]) -> None:
    for part in spans_of(
        parts, trace=span.trace_id, parent=span.span_id, start_ms=span.start_ms, end_ms=span.end_ms
    ):
        await add_span(connection, part)


async def trace_approval(connection: AsyncConnection, row: RowMapping, values: Mapping[str, Any]) -> None:
    """From the question to its end: who answered, and how. `row`: the approval before, `values`: the answer."""
    flow = row["flowRunId"]
    if flow is None or not is_traced(connection):
        return
    attributes = present(
        {
            "workflow.run_id": row["workflowRunId"],
            "project.id": row["projectId"],
            "approval.id": row["id"],
            "approval.status": values["status"],
            "approval.by": values["respondedBy"],
            "approval.verified": values["verified"],
            "approval.channel": values["channel"],
            "approval.closed_as": values["closedAs"],
            "approval.digest": row["digest"],
            "commandcenter.node.id": row["nodeKey"],
        }
    )
    await add_span(
        connection,
        Span(
            trace_id=trace_id(flow),
            span_id=span_id(flow, "approval", row["id"]),
            parent_id=run_span_id(flow, row["reopened"]),
            name=f"approval.{row['nodeKey'] or row['nodeId']}",
            start_ms=epoch_ms(row["requestedAt"]),
            end_ms=epoch_ms(values["respondedAt"]),
            attributes=attributes,
            status="ok",
        ),
    )


async def trace_intake(connection: AsyncConnection, event: Mapping[str, Any], *, received_at: datetime) -> None:
    """From an event's arrival to the run that it started. `event`: the row of the inbox."""
    flow = event["flowRunId"]
    if flow is None or not is_traced(connection):
        return
    await add_span(
        connection,
        Span(
            trace_id=trace_id(flow),
            span_id=span_id(flow, "intake"),
            parent_id=run_span_id(flow),
            name="event.intake",
            start_ms=epoch_ms(received_at),
            end_ms=epoch_ms(now()),
            kind="consumer",
            attributes=present(
                {
                    "messaging.system": "nats",
                    "messaging.operation.type": "process",
                    "messaging.destination.name": str(event["subject"])[:_MAX_TEXT],
                    "messaging.message.id": f"{event['sequence']}",
                    "project.id": event["projectId"],
                }
            ),
            status="ok",
        ),
    )


def _run_attributes(name: str, workflow_id: str, project_id: int, run: Mapping[str, Any]) -> dict[str, Any]:
    return present(
        {
            "workflow.id": workflow_id,
            "workflow.name": name,
            "workflow.run_id": run["id"],
            "project.id": project_id,
            "cicd.pipeline.name": name,
            "cicd.pipeline.run.id": run["id"],
            "commandcenter.flow_run_id": run["flowRunId"],
            "commandcenter.plan_digest": run["planDigest"],
            "commandcenter.trigger": str(run["trigger"])[:_MAX_TEXT],
            "commandcenter.triggered_by": run["triggeredBy"],
        }
    )
