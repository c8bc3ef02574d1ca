"""One node's approved or ungated work -> its outcome. Each attempt is a Prefect task run and an `AgentRun` row.

A finished attempt is on record before anything may depend on it; an item that succeeded in an earlier execution of the
same run is taken from there and not run again.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Mapping
from typing import Any, cast

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.states import Cancelled, Completed, Failed
from pydantic import JsonValue

from agents.sandbox.port import AgentFailure, AgentResult, LogLine
from compiler.plan import PlanNode
from records import NotApproved, StaleAttempt
from reliability.fault_points import fault_point
from tasks.card import Invocation
from tasks.execution import execute, idempotency_key
from tasks.outcome import NodeOutcome, failed
from tasks.saved_artifacts import references, show_in_prefect
from tasks.services import Run, Services
from tasks.work import NodeWork

MAX_DELAY_SECONDS = 300.0


class Attempt:
    """One attempt on its way through Prefect. Not a dataclass: Prefect looks into those for futures, and these hold
    whole plans."""

    def __init__(
        self, intent: Invocation, *, item: int | None, approved: str | None, run: Run, services: Services
    ) -> None:
        self.intent = intent
        self.approved = approved
        """What the gate must allow, looked up once more in the transaction that begins the agent run."""
        self.item = item
        self.run = run
        self.services = services
        self.result: AgentResult | None = None
        self.stale: StaleAttempt | None = None


@task(name="agent", task_run_name="{label}", persist_result=False, cache_policy=NO_CACHE)
async def agent_action(label: str, call: Attempt) -> State[Any]:
    """The Prefect task: one attempt of one action. Ends Failed with one clear sentence, never with a traceback."""
    try:
        call.result = await _attempt(call)
    except StaleAttempt as exc:
        call.stale = exc
        return Cancelled(message=str(exc))
    except NotApproved as exc:
        call.result = AgentResult(failure=AgentFailure(kind="cancelled", message=str(exc)))
    if call.result.failure is not None:
        return Failed(message=call.result.failure.message)
    return Completed(message=f"{call.intent.node.action} took {call.result.duration_ms} ms")


async def _attempt(call: Attempt) -> AgentResult:
    """Run the agent once, on record from start to end."""
    logger = get_run_logger()
    node, run, records = call.intent.node, call.run, call.services.records

    def on_log(line: LogLine) -> None:
        logger.log(line.level, "%s", line.text)

    fault_point("agent-run-beginning")
    agent_run_id, attempt = await records.start_attempt(
        run_id=run.run_id,
        node_id=node.id,
        item=call.item,
        agent_name=node.agent,
        inputs=call.intent.inputs,
        idempotency_key=idempotency_key(run, call.intent, call.item),
        approved=call.approved,
        fencing_token=run.fencing_token,
        action=node.action,
        agent_version=node.agent_version,
    )
    fault_point("agent-run-begun")
    result = await execute(
        call.intent,
        run=run,
        item=call.item,
        execution_id=agent_run_id,
        attempt=attempt,
        services=call.services,
        on_log=on_log,
    )
    await records.finish_agent_run(
        agent_run_id,
        status="SUCCESS" if result.ok else "FAILED",
        output=result.output,
        error=result.failure.message if result.failure else None,
        failure_kind=result.failure.kind if result.failure else None,
        duration_ms=result.duration_ms,
        exit_code=result.exit_code,
        limits=result.limits_held,
        denied_egress=result.denied_egress,
        artifacts=references(result),
        log_tail=result.log_tail,
        memory_kb=result.memory_kb,
        cpu_ms=result.cpu_ms,
        fencing_token=run.fencing_token,
    )
    fault_point("agent-run-ended")
    await show_in_prefect(result, node_id=node.id, run=run, logger=logger)
    return result


async def run_node(
    work: NodeWork, *, done: Mapping[int | None, JsonValue], run: Run, services: Services
) -> NodeOutcome:
    """All items of the work, `maxParallel` at a time. `done` holds outputs of items that finished before."""
    node = work.node
    approved = work.digest if node.gate is not None else None
    slots = asyncio.Semaphore(node.foreach.max_parallel if node.foreach else 1)

    async def one(index: int, intent: Invocation) -> JsonValue | AgentFailure:
        item = index if work.each else None
        if item in done:
            return done[item]
        async with slots:
            call = Attempt(intent, item=item, approved=approved, run=run, services=services)
            result = await _with_retries(call)
        return result.failure or result.output

    results = await asyncio.gather(*(one(index, intent) for index, intent in enumerate(work.intents)))
    outputs: list[JsonValue] = []
    for index, each in enumerate(results):
        if isinstance(each, AgentFailure):
            which = f"item {index} of {len(results)}: " if work.each else ""
            return failed(node, f"{which}{each.message}")
        outputs.append(each)
    return NodeOutcome(status="SUCCESS", output=outputs if work.each else outputs[0])


async def _with_retries(call: Attempt) -> AgentResult:
    node = call.intent.node
    number = 0
    while True:
        # Prefect types this as a State; for an async task it is one to wait for.
        await cast("Awaitable[State[Any]]", agent_action(_label(call, number), call, return_state=True))
        if call.stale is not None:
            raise call.stale
        result = call.result or _lost(node)
        if result.failure is None or not result.failure.retryable or number >= node.retries.max:
            return result
        number += 1
        await asyncio.sleep(_delay(node, number))


def _delay(node: PlanNode, retry: int) -> float:
    """Seconds before the `retry`-th further attempt: doubled each time, partly random so that nodes do not march."""
    delay = node.retries.backoff_seconds * 2 ** (retry - 1)
    spread = delay * node.retries.jitter
    return min(MAX_DELAY_SECONDS, max(0.0, delay - spread + random.random() * 2 * spread))


def _label(call: Attempt, number: int) -> str:
    label = call.intent.node.id if call.item is None else f"{call.intent.node.id}[{call.item}]"
    return label if number == 0 else f"{label} (retry {number})"


def _lost(node: PlanNode) -> AgentResult:
    """The task run ended without our code having ended: a forced state, or a fault of the platform's own."""
    message = f"the attempt at node {node.id!r} was ended from outside before it had a result"
    return AgentResult(failure=AgentFailure(kind="cancelled", message=message))
