"""One attempt of a node <-> a row of AgentRun. A node has one attempt that counts; older ones are refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, Select, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from observability.traces.parts import AttemptPart, model_use
from records.catalogue.agent_registry import agent_row_id
from records.database.ids import new_id, subject_token
from records.database.payload import checked, line
from records.database.read_row import read_row
from records.database.store import Store, first, rows
from records.errors import NotFound
from records.events.changes import note_change
from records.events.outbox import emit
from records.events.payloads import AgentExecuted
from records.measures.ended import AgentRunEnd, count_agent_run, duration_of
from records.measures.spans import context_of, trace_agent_run
from records.runs.attempts import begin_attempt, end_attempt, require_approved
from records.runs.fencing import lock_run
from records.runs.node_states import refuse_ended
from records.runs.run import AgentRun, EndStatus
from records.tables import AGENT, AGENT_RUN
from records.tables.columns import now
from reliability.shielded import shielded


class AgentRunStore(Store):
    """Agent runs, their results, and the event that each one makes."""

    @shielded
    async def start_attempt(
        self,
        *,
        agent_name: str,
        inputs: Mapping[str, Any],
        run_id: str | None = None,
        node_id: str | None = None,
        item: int | None = None,
        attempt: int | None = None,
        idempotency_key: str | None = None,
        project_id: int | None = None,
        approved: str | None = None,
        fencing_token: int | None = None,
        action: str | None = None,
        agent_version: str | None = None,
    ) -> tuple[str, int]:
        """Record the start of an agent; returns the agent run's id, which is needed to finish it, and its attempt.

        `attempt` None: the one after the last. An earlier attempt can no longer finish the node. Without a run
        (`project_id` instead) it is an agent run by itself. `approved`: the digest that the node's gate must have
        approved, looked up in the same transaction. Raises NotApproved, NodeFinished where the node ended well
        already, StaleAttempt for an attempt below the last one, an old fencing token or an ended run.
        """
        checked(f"the inputs of {agent_name!r}", dict(inputs))
        agent_run_id = new_id()
        values = {
            "id": agent_run_id,
            "workflowRunId": run_id,
            "inputJson": dict(inputs),
            "status": "RUNNING",
            "startedAt": now(),
            "nodeKey": node_id,
            "item": item,
            "idempotencyKey": idempotency_key,
            "action": action,
            "agentVersion": agent_version,
        }
        async with self._db.write() as connection:
            if run_id is None or node_id is None:
                values["agentId"] = await _agent_id(connection, project_id, agent_name)
                await connection.execute(AGENT_RUN.insert().values(**values))
                return agent_run_id, 1
            run = await lock_run(connection, run_id, fencing_token=fencing_token)
            refuse_ended(run)
            if approved is not None:
                await require_approved(connection, run_id, node_id, approved)
            values["agentId"] = await _agent_id(connection, run["projectId"], agent_name)
            number = await begin_attempt(connection, run, (node_id, item), values, attempt)
            await note_change(connection, run["projectId"], "agentRun", agent_run_id, run_id=run_id)
        return agent_run_id, number

    @shielded
    async def finish_agent_run(
        self,
        agent_run_id: str,
        *,
        status: EndStatus,
        output: Any = None,
        error: str | None = None,
        duration_ms: int | None = None,
        attempt: int | None = None,
        failure_kind: str | None = None,
        exit_code: int | None = None,
        limits: Mapping[str, str] | None = None,
        denied_egress: Sequence[str] = (),
        artifacts: Sequence[str] = (),
        log_tail: str = "",
        memory_kb: int | None = None,
        cpu_ms: int | None = None,
        parts: Sequence[AttemptPart] = (),
        fencing_token: int | None = None,
    ) -> bool:
        """Record the end of the agent run, with `agent.executed.<agentName>`; False if it was recorded before.

        `parts`: what happened within it, for the trace, with its calls of models.

        Raises StaleAttempt where another attempt has taken the node over: nothing is changed then.
        """
        values = {
            "status": status,
            "outputJson": checked("the agent's output", output),
            "error": line(error),
            "finishedAt": (ended_at := now()),
            "failureKind": failure_kind,
            "exitCode": exit_code,
            "limits": dict(limits) if limits else None,
            "deniedEgress": list(denied_egress) or None,
            "artifacts": list(artifacts) or None,
            "logTail": line(log_tail) or None,
            "memoryKb": memory_kb,
            "cpuMs": cpu_ms,
            "modelUse": (used := model_use(parts)).as_json() or None,
        }
        end = AgentRunEnd(
            status=status,
            at=ended_at,
            failure_kind=failure_kind,
            duration_ms=duration_ms,
            denied=len(denied_egress),
            memory_kb=memory_kb,
            cpu_ms=cpu_ms,
            model_use=used,
            parts=parts,
        )
        async with self._db.write() as connection:
            row, run = await _lock_agent_run(connection, agent_run_id, fencing_token)
            if not await end_attempt(connection, row, status, attempt):
                return False
            values["durationMs"] = duration_of(row, end)
            await connection.execute(update(AGENT_RUN).where(AGENT_RUN.c.id == agent_run_id).values(**values))
            await count_agent_run(connection, row, end, flow_run_id=None if run is None else run["flowRunId"])
            if run is not None:
                await trace_agent_run(connection, row, run, end, error=line(error))
            await _emit_executed(connection, row, run, values)
        return True

    @shielded
    async def agent_runs(self, run_id: str) -> list[AgentRun]:
        """All agent runs of a run, each attempt, in the order they began."""
        async with self._db.read() as connection:
            mine = _SELECT.where(AGENT_RUN.c.workflowRunId == run_id)
            found = await rows(connection, mine.order_by(AGENT_RUN.c.startedAt, AGENT_RUN.c.id))
        return [_agent_run(row) for row in found]

    @shielded
    async def good_agent_runs(
        self, project_id: int, *, agent: str, action: str, limit: int, before: datetime | None = None
    ) -> list[AgentRun]:
        """The newest runs of an action that ended well, newest first; those that began earlier than `before`."""
        mine = _SELECT.where(
            AGENT.c.projectId == project_id,
            AGENT.c.name == agent,
            AGENT_RUN.c.action == action,
            AGENT_RUN.c.status == "SUCCESS",
        )
        if before is not None:
            mine = mine.where(AGENT_RUN.c.startedAt < before)
        async with self._db.read() as connection:
            newest = mine.order_by(AGENT_RUN.c.startedAt.desc(), AGENT_RUN.c.id.desc()).limit(limit)
            found = await rows(connection, newest)
        return [_agent_run(row) for row in found]

    @shielded
    async def agent_run(self, agent_run_id: str) -> AgentRun:
        """One agent run. Raises NotFound."""
        async with self._db.read() as connection:
            return _agent_run(await _read(connection, _SELECT, agent_run_id))


_SELECT = select(AGENT_RUN, AGENT.c.name.label("agentName"), AGENT.c.projectId.label("projectId")).join(
    AGENT, AGENT.c.id == AGENT_RUN.c.agentId
)


async def _read(connection: AsyncConnection, chosen: Select[tuple[Any, ...]], agent_run_id: str) -> RowMapping:
    row = await first(connection, chosen.where(AGENT_RUN.c.id == agent_run_id))
    if row is None:
        raise NotFound("the agent run", agent_run_id, "start it before you finish it")
    return row


async def _lock_agent_run(
    connection: AsyncConnection, agent_run_id: str, fencing_token: int | None
) -> tuple[RowMapping, RowMapping | None]:
    """The agent run and the run that it belongs to."""
    row = await _read(connection, _SELECT, agent_run_id)
    run = None
    if row["workflowRunId"] is not None:
        run = await lock_run(connection, row["workflowRunId"], fencing_token=fencing_token)
    if connection.dialect.name == "sqlite":
        return row, run  # the whole database is this writer's since BEGIN
    return await _read(connection, _SELECT.with_for_update(of=AGENT_RUN), agent_run_id), run


async def _agent_id(connection: AsyncConnection, project_id: int | None, name: str) -> str:
    if project_id is None:
        raise ValueError("an attempt needs a run and a node, or a project")
    agent_id = await agent_row_id(connection, project_id, name)
    if agent_id is None:
        raise NotFound("the agent", name, f"register it in project {project_id} first")
    return agent_id


async def _emit_executed(
    connection: AsyncConnection, row: RowMapping, run: RowMapping | None, values: Mapping[str, Any]
) -> None:
    payload: AgentExecuted = {
        "agentRunId": row["id"],
        "agentName": row["agentName"],
        "projectId": row["projectId"],
        "workflowRunId": row["workflowRunId"],
        "nodeKey": row["nodeKey"],
        "item": row["item"],
        "attempt": row["attempt"],
        "status": values["status"],
        "error": values["error"],
        "durationMs": values["durationMs"],
    }
    await emit(
        connection,
        message_id=f"agent.executed:{row['id']}",
        project_id=row["projectId"],
        subject=f"agent.executed.{subject_token('agent', row['agentName'])}",
        payload=payload,
        traceparent=None if run is None else context_of(connection, run["flowRunId"], run["reopened"]),
    )


def _agent_run(row: RowMapping) -> AgentRun:
    return read_row(AgentRun, row)
