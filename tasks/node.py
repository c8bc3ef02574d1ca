"""One node's approved or ungated work -> its outcome. Each attempt is a Prefect task run and an `AgentRun` row.

A finished attempt is on record before anything may depend on it; an item that succeeded in an earlier execution of the
same run is taken from there and not run again.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast
from uuid import uuid4

from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.context import TaskRunContext
from prefect.logging import get_run_logger
from prefect.states import Cancelled, Completed, Failed
from prefect.task_engine import run_task_async
from pydantic import JsonValue

from agents.effects import EffectError
from agents.sandbox.port import AgentFailure, AgentResult, LogLine
from compiler.plan import PlanNode, digest_of
from observability.json_logs import know_run, log_context
from records import NotApproved, PayloadRefused, StaleAttempt
from reliability.fault_points import fault_point
from tasks.attempt_page import references
from tasks.card import Invocation
from tasks.execution import carry_out, execute, idempotency_key, propose, saver
from tasks.kept_log import KeptLog
from tasks.outcome import NodeOutcome, failed
from tasks.proposal import BaseMoved, Proposal, proposal_of, refuse_moved_base
from tasks.services import RunRef, Services
from tasks.shown_nodes import ShownNodes
from tasks.work import NodeWork

MAX_DELAY_SECONDS = 300.0


class Attempt:
    """One attempt on its way through Prefect. Not a dataclass: Prefect looks into those for futures, and these hold
    whole plans."""

    def __init__(
        self,
        invocation: Invocation,
        *,
        item: int | None,
        run: RunRef,
        services: Services,
        approved: str | None = None,
        proposal: Proposal | None = None,
        shown: ShownNodes,
    ) -> None:
        self.invocation = invocation
        self.shown = shown
        self.approved = approved
        """What the gate must allow, looked up once more in the transaction that begins the agent run."""
        self.proposal = proposal
        """What the agent has proposed before: it is carried out, and the agent is not run again."""
        self.moved: BaseMoved | None = None
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
    except BaseMoved as exc:
        call.moved = exc
        return Cancelled(message=str(exc))
    except NotApproved as exc:
        call.result = AgentResult(failure=AgentFailure(kind="cancelled", message=str(exc)))
    if call.result.failure is not None:
        return Failed(message=call.result.failure.message)
    what = call.invocation.node.action if call.proposal is None else call.proposal.effect
    return Completed(message=f"{what} took {call.result.duration_ms} ms")


@task(name="proposal", task_run_name="{label}", persist_result=False, cache_policy=NO_CACHE)
async def agent_proposal(label: str, call: Attempt, key: str) -> State[Any]:
    """The Prefect task: one try of an agent to propose an effect. Nothing is carried out."""
    try:
        call.result = await _propose(call, key)
    except StaleAttempt as exc:
        call.stale = exc
        return Cancelled(message=str(exc))
    if call.result.failure is not None:
        return Failed(message=call.result.failure.message)
    return Completed(message=f"{call.invocation.node.action} proposed in {call.result.duration_ms} ms")


async def _propose(call: Attempt, key: str) -> AgentResult:
    """Run the agent once, and keep what it proposes beside the gate."""
    logger = get_run_logger()
    node, run, records = call.invocation.node, call.run, call.services.records
    fault_point("proposing")
    lines = KeptLog(records, run.run_id, node.id, item=call.item)

    def on_log(line: LogLine) -> None:
        logger.log(line.level, "%s", line.text)
        lines.add(line)

    try:
        result, proposal = await propose(
            call.invocation,
            run=run,
            item=call.item,
            execution_id=uuid4().hex,
            services=call.services,
            on_log=on_log,
        )
    finally:
        await lines.close()
    try:
        kept = await records.save_proposal(
            run_id=run.run_id,
            node_id=node.id,
            item=call.item,
            key=key,
            effect=node.effect or "",
            result=result.output,
            error=result.failure.message if result.failure else None,
            duration_ms=result.duration_ms,
            log_tail=result.log_tail,
            agent_name=node.agent,
            parts=result.parts,
            fencing_token=run.fencing_token,
        )
    except PayloadRefused as exc:
        return AgentResult(failure=AgentFailure(kind="invalid-output", message=str(exc)))
    fault_point("proposed")
    if proposal is not None and kept.result != result.output:  # another try was quicker: its proposal counts
        proposal = await asyncio.to_thread(
            proposal_of, call.invocation, kept.result, run=run, workplace=call.services
        )
    call.proposal = proposal
    return result


async def propose_node(
    work: NodeWork, *, run: RunRef, services: Services, shown: ShownNodes
) -> NodeWork | NodeOutcome:
    """The work with the effects that its agent proposes, from the records where it has done so; or how it failed."""
    node = work.node
    slots = asyncio.Semaphore(node.foreach.max_parallel if node.foreach else 1)

    async def one(index: int, invocation: Invocation) -> Proposal | AgentFailure:
        item = index if work.each else None
        key = idempotency_key(run, invocation, item)
        known = await services.records.proposal(run.run_id, node.id, item, key=key)
        if known is not None:
            return await asyncio.to_thread(proposal_of, invocation, known.result, run=run, workplace=services)
        async with slots:
            call = Attempt(invocation, item=item, run=run, services=services, shown=shown)
            result = await _with_retries(call, key=key)
        return result.failure or call.proposal or _lost(node).failure or AgentFailure(kind="cancelled", message="")

    try:
        found = await asyncio.gather(
            *(one(index, invocation) for index, invocation in enumerate(work.invocations))
        )
    except EffectError as exc:
        return failed(node, str(exc))
    proposals: list[Proposal] = []
    for index, each in enumerate(found):
        if isinstance(each, AgentFailure):
            return failed(node, f"{_which(work, index)}{each.message}")
        proposals.append(each)
    return replace(work, proposals=tuple(proposals))


async def _attempt(call: Attempt) -> AgentResult:
    """Run the agent once, or carry out what it has proposed, on record from start to end."""
    logger = get_run_logger()
    node, run, records = call.invocation.node, call.run, call.services.records
    if call.proposal is not None:
        await refuse_moved_base(call.proposal, services=call.services)

    kept = KeptLog(records, run.run_id, node.id, item=call.item)

    def on_log(line: LogLine) -> None:
        logger.log(line.level, "%s", line.text)
        kept.add(line)

    fault_point("agent-run-beginning")
    agent_run_id, attempt = await records.start_attempt(
        run_id=run.run_id,
        node_id=node.id,
        item=call.item,
        agent_name=node.agent,
        inputs=call.invocation.inputs,
        idempotency_key=_key(call),
        approved=call.approved,
        fencing_token=run.fencing_token,
        action=node.action,
        agent_version=node.agent_version,
    )
    fault_point("agent-run-begun")
    kept.attempt = attempt
    if (context := TaskRunContext.get()) is not None:
        know_run(str(context.task_run.id), attempt=attempt)
    try:
        with log_context(node=node.id, item=call.item, attempt=attempt):
            if call.proposal is not None:
                result = await carry_out(
                    call.invocation,
                    call.proposal,
                    key=_key(call),
                    run=run,
                    workplace=call.services,
                    save=saver(run, call.services),
                    log=logger,
                )
            else:
                result = await execute(
                    call.invocation,
                    run=run,
                    item=call.item,
                    execution_id=agent_run_id,
                    attempt=attempt,
                    services=call.services,
                    on_log=on_log,
                    log=logger,
                )
    finally:
        await kept.close()
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
        parts=result.parts,
        fencing_token=run.fencing_token,
    )
    fault_point("agent-run-ended")
    return result


async def run_node(
    work: NodeWork, *, done: Mapping[int | None, JsonValue], run: RunRef, services: Services, shown: ShownNodes
) -> NodeOutcome:
    """All items of the work, `maxParallel` at a time. `done` holds outputs of items that finished before.

    Raises BaseMoved where what was proposed has to be proposed anew.
    """
    node = work.node
    approved = work.digest if node.gate is not None and work.does_something else None
    slots = asyncio.Semaphore(node.foreach.max_parallel if node.foreach else 1)

    async def one(index: int, invocation: Invocation) -> JsonValue | AgentFailure:
        item = index if work.each else None
        if item in done:
            return done[item]
        async with slots:
            proposal = None if work.proposals is None else work.proposals[index]
            call = Attempt(
                invocation,
                item=item,
                approved=approved,
                proposal=proposal,
                run=run,
                services=services,
                shown=shown,
            )
            result = await _with_retries(call)
        return result.failure or result.output

    results = await asyncio.gather(*(one(index, invocation) for index, invocation in enumerate(work.invocations)))
    outputs: list[JsonValue] = []
    for index, each in enumerate(results):
        if isinstance(each, AgentFailure):
            return failed(node, f"{_which(work, index)}{each.message}")
        outputs.append(each)
    return NodeOutcome(status="SUCCESS", output=outputs if work.each else outputs[0])


def _which(work: NodeWork, index: int) -> str:
    return f"item {index} of {len(work.invocations)}: " if work.each else ""


def _key(call: Attempt) -> str:
    """Of an effect: the same for every attempt at exactly what was proposed."""
    key = idempotency_key(call.run, call.invocation, call.item)
    return key if call.proposal is None else digest_of({"asked": key, "proposed": call.proposal.digest})


async def _with_retries(call: Attempt, *, key: str | None = None) -> AgentResult:
    """`key`: the agent is to propose, and its proposal is kept under it."""
    node = call.invocation.node
    number = 0
    while True:
        await _in_prefect(call, number, key=key)
        if call.stale is not None:
            raise call.stale
        if call.moved is not None:
            raise call.moved
        result = call.result or _lost(node)
        if result.failure is None or number >= node.retries.max:
            return result
        if not result.failure.retryable:
            return _said_to_stay(result)
        number += 1
        await asyncio.sleep(_delay(node, number))


def _said_to_stay(result: AgentResult) -> AgentResult:
    """The node has retries left and does not use them: who wrote them may expect that any failure is tried again."""
    assert result.failure is not None
    if result.failure.kind != "exit":
        return result
    why = "not tried again: an agent says by TransientError, or exit status 75, that a failure can pass"
    return replace(result, failure=replace(result.failure, message=f"{result.failure.message} ({why})"))


async def _in_prefect(call: Attempt, number: int, *, key: str | None) -> None:
    """Execute the attempt as a task run that says which node it is of, and what it came after."""
    node, label = call.invocation.node, _label(call, number)
    executed: Task[..., Any] = agent_action
    parameters: dict[str, Any] = {"label": label, "call": call}
    if key is not None:
        executed, parameters = agent_proposal, {"label": f"{label} proposal", "call": call, "key": key}
    begun = call.shown.graph.unfinished(node.id, call.item, parameters["label"])
    # What calling the task does, with what it came from: there is no other way to give this but results to wait for.
    with log_context(node=node.id, item=call.item, attempt=number + 1):
        state = await run_task_async(
            executed,
            task_run_id=begun,
            parameters=parameters,
            return_type="state",
            dependencies=dict(call.shown.graph.inputs(node.id, call.item, begun)),
        )
    task_run_id = cast("State[Any]", state).state_details.task_run_id
    if task_run_id is not None:
        call.shown.graph.note(node.id, call.item, task_run_id)
        if call.result is not None:
            call.shown.attempt(task_run_id, call.invocation, call.result)


def _delay(node: PlanNode, retry: int) -> float:
    """Seconds before the `retry`-th further attempt: doubled each time, partly random so that nodes do not march."""
    delay = node.retries.backoff_seconds * 2 ** (retry - 1)
    spread = delay * node.retries.jitter
    return min(MAX_DELAY_SECONDS, max(0.0, delay - spread + random.random() * 2 * spread))


def _label(call: Attempt, number: int) -> str:
    label = call.invocation.node.id if call.item is None else f"{call.invocation.node.id}[{call.item}]"
    return label if number == 0 else f"{label} (retry {number})"


def _lost(node: PlanNode) -> AgentResult:
    """The task run ended without our code having ended: a forced state, or a fault of the platform's own."""
    message = f"the attempt at node {node.id!r} was ended from outside before it had a result"
    return AgentResult(failure=AgentFailure(kind="cancelled", message=message))
