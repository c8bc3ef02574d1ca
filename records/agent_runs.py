"""One attempt of a node <-> a row of AgentRun. A node has one attempt that counts; older ones are refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import RowMapping, Select, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from records.columns import now
from records.errors import NodeFinished, NotApproved, NotFound, StaleAttempt
from records.fence import lock_run
from records.gate_rows import approval_of, current_gate
from records.ids import new_id, subject_token
from records.node_states import node_state, put_node_state, refuse_ended
from records.outbox import emit
from records.payload import checked, line
from records.registry import agent_row_id
from records.run import AgentRun, EndStatus
from records.store import Store, first, rows
from records.tables import AGENT, AGENT_RUN
from records.unbroken import unbroken


class AgentRunStore(Store):
    """Agent runs, their results, and the event that each one makes."""

    @unbroken
    async def start_agent_run(
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
        lease: int | None = None,
    ) -> str:
        """Record that an agent begins; gives the agent run's id, which is also the right to finish it.

        `attempt` None: the one after the last. Whoever ran the node before loses that right. Without a run
        (`project_id` instead) it is an agent run by itself. `approved`: the digest that the node's gate must have
        approved, looked up in the same transaction. Raises NotApproved, NodeFinished where the node ended well
        already, StaleAttempt for an attempt below the last one, an old lease or an ended run.
        """
        checked(f"the inputs of {agent_name!r}", dict(inputs))
        agent_run_id = new_id()
        values = {"inputJson": dict(inputs), "idempotencyKey": idempotency_key, "nodeKey": node_id, "item": item}
        async with self._db.write() as connection:
            if run_id is not None and node_id is not None:
                run = await lock_run(connection, run_id, lease=lease)
                refuse_ended(run)
                project_id = run["projectId"]
                await _require_approved(connection, run_id, node_id, approved)
                attempt = await _take_over(connection, run_id, node_id, item, attempt)
            values |= {"agentId": await _agent_id(connection, project_id, agent_name), "workflowRunId": run_id}
            values |= {"id": agent_run_id, "attempt": attempt or 1, "status": "RUNNING", "startedAt": now()}
            await connection.execute(AGENT_RUN.insert().values(**values))
            if run_id is not None and node_id is not None:
                standing = {"state": "RUNNING", "attempt": attempt, "agentRunId": agent_run_id}
                await put_node_state(
                    connection, run_id, node_id, item, standing | {"reason": None, "outputJson": None}
                )
        return agent_run_id

    @unbroken
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
        lease: int | None = None,
    ) -> bool:
        """Record how the agent run ended, with `agent.executed.<agentName>`; False where that was recorded before.

        Raises StaleAttempt where another attempt has taken the node over: nothing is changed then.
        """
        values = {
            "status": status,
            "outputJson": checked("the agent's output", output),
            "error": line(error),
            "finishedAt": now(),
            "durationMs": duration_ms,
            "failureKind": failure_kind,
            "exitCode": exit_code,
            "limits": dict(limits) if limits else None,
            "deniedEgress": list(denied_egress) or None,
            "artifacts": list(artifacts) or None,
            "logTail": line(log_tail) or None,
        }
        async with self._db.write() as connection:
            row = await _lock_agent_run(connection, agent_run_id, lease)
            if (
                row["finishedAt"] is not None
                and row["status"] == status
                and row["attempt"] == (attempt or row["attempt"])
            ):
                return False  # the answer to the first call was lost on its way
            await _refuse_stale(connection, row, attempt)
            await connection.execute(update(AGENT_RUN).where(AGENT_RUN.c.id == agent_run_id).values(**values))
            if row["workflowRunId"] is not None and row["nodeKey"] is not None:
                await put_node_state(
                    connection,
                    row["workflowRunId"],
                    row["nodeKey"],
                    row["item"],
                    {"state": status, "reason": None},
                )
            await _emit_executed(connection, row, values)
        return True

    @unbroken
    async def agent_runs(self, run_id: str) -> list[AgentRun]:
        """All agent runs of a run, each attempt, in the order they began."""
        async with self._db.read() as connection:
            mine = _SELECT.where(AGENT_RUN.c.workflowRunId == run_id)
            found = await rows(connection, mine.order_by(AGENT_RUN.c.startedAt, AGENT_RUN.c.id))
        return [_agent_run(row) for row in found]

    @unbroken
    async def agent_run(self, agent_run_id: str) -> AgentRun:
        """One agent run. Raises NotFound."""
        async with self._db.read() as connection:
            return _agent_run(await _read(connection, _SELECT, agent_run_id))


_SELECT = select(AGENT_RUN, AGENT.c.name.label("agentName"), AGENT.c.projectId.label("projectId")).join(
    AGENT, AGENT.c.id == AGENT_RUN.c.agentId
)


async def _read(connection: AsyncConnection, chosen: Select[*tuple[Any, ...]], agent_run_id: str) -> RowMapping:
    row = await first(connection, chosen.where(AGENT_RUN.c.id == agent_run_id))
    if row is None:
        raise NotFound("the agent run", agent_run_id, "start it before you finish it")
    return row


async def _lock_agent_run(connection: AsyncConnection, agent_run_id: str, lease: int | None) -> RowMapping:
    row = await _read(connection, _SELECT, agent_run_id)
    if row["workflowRunId"] is not None:
        await lock_run(connection, row["workflowRunId"], lease=lease)
    return await _read(connection, _SELECT.with_for_update(of=AGENT_RUN), agent_run_id)


async def _agent_id(connection: AsyncConnection, project_id: int | None, name: str) -> str:
    if project_id is None:
        raise ValueError("start_agent_run needs a run and a node, or a project")
    agent_id = await agent_row_id(connection, project_id, name)
    if agent_id is None:
        raise NotFound("the agent", name, f"register it in project {project_id} first")
    return agent_id


async def _require_approved(connection: AsyncConnection, run_id: str, node_id: str, digest: str | None) -> None:
    if digest is None:
        return
    row = await first(connection, current_gate(run_id, node_id))
    if row is None or not approval_of(row).allows(digest):
        state = "nobody was asked" if row is None else f"{row['status']} for {row['digest']}"
        raise NotApproved(
            f"node {node_id!r} of run {run_id!r} is not approved for {digest} ({state}): it does not run"
        )


async def _take_over(
    connection: AsyncConnection, run_id: str, node_id: str, item: int | None, attempt: int | None
) -> int:
    """The attempt's number; what ran before it is marked as given up."""
    row = await node_state(connection, run_id, node_id, item)
    if row is None:
        return attempt or 1
    where = f"node {node_id!r} of run {run_id!r}"
    if row["state"] == "SUCCESS":
        raise NodeFinished(f"{where} ended well already: take its recorded result")
    if attempt is not None and attempt < row["attempt"]:
        raise StaleAttempt(f"{where} is at attempt {row['attempt']} already, attempt {attempt} is an old one")
    attempt = int(row["attempt"]) + 1 if attempt is None else attempt
    abandoned = (AGENT_RUN.c.id == row["agentRunId"]) & AGENT_RUN.c.finishedAt.is_(None)
    given_up = {"status": "FAILED", "error": f"taken over by attempt {attempt}", "finishedAt": now()}
    await connection.execute(update(AGENT_RUN).where(abandoned).values(**given_up))
    return attempt


async def _refuse_stale(connection: AsyncConnection, row: RowMapping, attempt: int | None) -> None:
    where = f"agent run {row['id']!r} (attempt {row['attempt']})"
    if row["finishedAt"] is not None:
        raise StaleAttempt(
            f"{where} has ended already ({row['status']}: {row['error'] or 'well'}); nothing was changed"
        )
    if attempt is not None and attempt != row["attempt"]:
        raise StaleAttempt(f"{where} cannot be finished by attempt {attempt}; nothing was changed")
    if row["workflowRunId"] is not None and row["nodeKey"] is not None:
        standing = await node_state(connection, row["workflowRunId"], row["nodeKey"], row["item"])
        if standing is None or standing["agentRunId"] != row["id"]:
            raise StaleAttempt(f"{where} was taken over by a later one; nothing was changed")


async def _emit_executed(connection: AsyncConnection, row: RowMapping, values: Mapping[str, Any]) -> None:
    payload = {
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
    )


def _agent_run(row: RowMapping) -> AgentRun:
    return AgentRun(
        id=row["id"],
        run_id=row["workflowRunId"],
        agent_name=row["agentName"],
        node_id=row["nodeKey"],
        item=row["item"],
        attempt=row["attempt"],
        status=row["status"],
        inputs=row["inputJson"],
        output=row["outputJson"],
        error=row["error"],
        failure_kind=row["failureKind"],
        idempotency_key=row["idempotencyKey"],
        started_at=row["startedAt"],
        finished_at=row["finishedAt"],
        duration_ms=row["durationMs"],
        exit_code=row["exitCode"],
        limits=row["limits"] or {},
        denied_egress=tuple(row["deniedEgress"] or ()),
        artifacts=tuple(row["artifacts"] or ()),
        log_tail=row["logTail"] or "",
    )
