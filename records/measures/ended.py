"""A row that ends -> what is counted of it, in the transaction that ends it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncConnection

from observability.metrics.definitions import (
    AGENT_CPU,
    AGENT_DURATION,
    AGENT_FAILURES,
    AGENT_MEMORY,
    APPROVAL_RESPONSE,
    APPROVALS_CLOSED,
    DECISION_TO_RESUME,
    JAIL_DENIALS,
    MODEL_CALLS,
    MODEL_COST,
    MODEL_TOKENS,
    RUN_DURATION,
    TRIGGER_TO_COMPLETION,
    Sample,
)
from observability.traces.parts import AttemptPart, ModelUse
from records.database.store import first, rows
from records.measures.totals import count
from records.tables import (
    AGENT,
    AGENT_RUN,
    RUN_ORIGIN,
    WORKFLOW,
    WORKFLOW_APPROVAL,
    WORKFLOW_RUN,
)

WORKER_LOST = "worker-lost"
"""Kind of failure of an attempt whose worker died: its successor ends it."""
RUN_ENDED = "run-ended"
"""Kind of failure of an attempt that was still going when its run was ended."""
_BY_HAND = "manual"
"""Trigger of a run that a person started."""


@dataclass(frozen=True, kw_only=True)
class AgentRunEnd:
    """How one agent run ended."""

    status: str
    at: datetime
    failure_kind: str | None = None
    duration_ms: int | None = None
    denied: int = 0
    memory_kb: int | None = None
    cpu_ms: int | None = None
    model_use: ModelUse = field(default_factory=ModelUse)
    parts: Sequence[AttemptPart] = ()
    """What happened within it, for the trace."""


def milliseconds(start: datetime, end: datetime) -> int:
    """From start to end; not below 0, since two machines' clocks differ."""
    return max(0, round((end - start).total_seconds() * 1_000))


async def unfinished_agent_runs(connection: AsyncConnection, condition: Any) -> list[RowMapping]:
    """Agent runs that have not ended, with the name of their agent."""
    chosen = select(AGENT_RUN, AGENT.c.name.label("agentName")).join(AGENT, AGENT.c.id == AGENT_RUN.c.agentId)
    return await rows(connection, chosen.where(condition, AGENT_RUN.c.finishedAt.is_(None)))


async def count_agent_run(
    connection: AsyncConnection, row: RowMapping, end: AgentRunEnd, *, flow_run_id: str | None
) -> None:
    """`row`: the agent run with `agentName`, before its end."""
    agent = row["agentName"]
    samples = [Sample(metric=AGENT_DURATION, labels=(agent, end.status), value=duration_of(row, end))]
    if end.failure_kind is not None:
        samples.append(Sample(metric=AGENT_FAILURES, labels=(agent, end.failure_kind)))
    if end.denied:
        samples.append(Sample(metric=JAIL_DENIALS, labels=(agent,), count=end.denied))
    if end.memory_kb is not None:
        samples.append(Sample(metric=AGENT_MEMORY, labels=(agent,), value=end.memory_kb >> 10))
    if end.cpu_ms is not None:
        samples.append(Sample(metric=AGENT_CPU, labels=(agent,), value=end.cpu_ms))
    await count(connection, *samples, *model_samples(agent, end.model_use), flow_run_id=flow_run_id)


def duration_of(row: RowMapping, end: AgentRunEnd) -> int:
    """Milliseconds that the agent run took, as it is counted and as its row has it."""
    return milliseconds(row["startedAt"], end.at) if end.duration_ms is None else end.duration_ms


def model_samples(agent: str, used: ModelUse) -> list[Sample]:
    """What the calls of models in one execution count."""
    return [
        Sample(metric=MODEL_CALLS, labels=(agent,), count=used.calls),
        Sample(metric=MODEL_TOKENS, labels=(agent, "input"), count=used.input_tokens),
        Sample(metric=MODEL_TOKENS, labels=(agent, "output"), count=used.output_tokens),
        Sample(metric=MODEL_COST, labels=(agent,), count=round(used.cost_usd * 1_000_000)),
    ]


async def count_run(connection: AsyncConnection, run: RowMapping, *, status: str, at: datetime) -> None:
    """`run`: the run with `workflowName`, before its end."""
    labels = (run["workflowName"], status)
    samples = [Sample(metric=RUN_DURATION, labels=labels, value=milliseconds(run["startedAt"], at))]
    origin = await origin_of(connection, run["flowRunId"])
    # A person's request has an origin where it came with a trace; no event arrived then.
    if origin is not None and not run["reopened"] and run["trigger"] != _BY_HAND:
        waited = milliseconds(origin["receivedAt"], at)
        samples.append(Sample(metric=TRIGGER_TO_COMPLETION, labels=labels, value=waited))
    await count(connection, *samples, flow_run_id=run["flowRunId"])


async def count_late_arrival(connection: AsyncConnection, flow_run_id: str, received_at: datetime) -> None:
    """An event's run is noted, which may have ended by now: whoever created it died before it could note it."""
    mine = WORKFLOW_RUN.c.flowRunId == flow_run_id
    chosen = select(WORKFLOW_RUN, WORKFLOW.c.name.label("workflowName")).join(WORKFLOW).where(mine)
    # Locked as the end of a run locks it: one of the two sees what the other has written.
    run = await first(connection, chosen.with_for_update(of=WORKFLOW_RUN))
    if run is not None and run["finishedAt"] is not None and not run["reopened"]:
        waited = milliseconds(received_at, run["finishedAt"])
        labels = (run["workflowName"], run["status"])
        sample = Sample(metric=TRIGGER_TO_COMPLETION, labels=labels, value=waited)
        await count(connection, sample, flow_run_id=flow_run_id)


async def origin_of(connection: AsyncConnection, flow_run_id: str | None) -> RowMapping | None:
    """Where the run came from, if that is known."""
    if flow_run_id is None:
        return None
    return await first(connection, select(RUN_ORIGIN).where(RUN_ORIGIN.c.flowRunId == flow_run_id))


async def count_approval(connection: AsyncConnection, row: RowMapping, values: Mapping[str, Any]) -> None:
    """`row`: the approval with `workflowName`, before it was answered; `values`: the answer."""
    workflow, closed_as = row["workflowName"], values["closedAs"]
    samples = [Sample(metric=APPROVALS_CLOSED, labels=(workflow, closed_as or "decided"))]
    if closed_as is None:  # a person answered
        approved = "true" if values["status"] == "APPROVED" else "false"
        waited = milliseconds(row["requestedAt"], values["respondedAt"])
        samples.append(Sample(metric=APPROVAL_RESPONSE, labels=(workflow, approved), value=waited))
    await count(connection, *samples, flow_run_id=row["flowRunId"])


async def count_resumed(connection: AsyncConnection, run_id: str, at: datetime) -> None:
    """The run goes on after it waited for people: how long after the last decision?"""
    decided = (WORKFLOW_APPROVAL.c.workflowRunId == run_id) & WORKFLOW_APPROVAL.c.respondedAt.is_not(None)
    newest = select(WORKFLOW_APPROVAL.c.respondedAt).where(decided)
    row = await first(connection, newest.order_by(WORKFLOW_APPROVAL.c.respondedAt.desc()).limit(1))
    if row is not None:
        sample = Sample(metric=DECISION_TO_RESUME, value=milliseconds(row["respondedAt"], at))
        await count(connection, sample)
