"""A node that calls a workflow -> a run of that workflow, started once, and how the node ends when it has ended.

The call is started under a key of run, node and attempt, so that whoever takes the run over finds the same one. While
only such runs are left to wait for, this one lets go of its worker as it does for a gate; the other's end wakes it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.responses import SetStateStatus
from prefect.exceptions import Abort, ObjectNotFound, Pause
from prefect.states import Completed, Failed, Scheduled
from pydantic import JsonValue

from compiler.plan import PlanDigest, PlanNode, digest_of
from compiler.trigger_types.registry import CALLED
from observability.traces.ids import run_span_id, trace_id, traceparent
from operations.errors import TransientTriggerError
from operations.launcher import Launcher, NotDeployed
from operations.start_run import StartedRun, start_run
from records import Records, Run
from reliability.retry import retry_transient
from tasks.outcome import NodeOutcome, failed
from tasks.services import RunRef
from triggers.reconcile.called_runs import WAITS_FOR_CALL, wake_callers

LOOK_AGAIN = timedelta(minutes=5)
"""When a run that waits for another looks by itself, should nobody wake it."""

Stand = Callable[[PlanNode], Awaitable[UUID | None]]
"""Make the task run that stands for a called run on its caller's page; None: Prefect did not take it."""


@dataclass(frozen=True, kw_only=True)
class OpenCall:
    """A run that a node has called."""

    node: PlanNode
    flow_run_id: str


async def call_workflow(
    node: PlanNode, inputs: dict[str, JsonValue], *, run: RunRef, records: Records, stand: Stand
) -> OpenCall:
    """Start the run, or find the one that was started before. Raises TriggerError for a workflow that cannot start."""
    known = (await records.open_calls(run.run_id)).get(node.id)
    if known is not None:
        return OpenCall(node=node, flow_run_id=known)
    flow_run_id = (await _start(node, inputs, run=run, records=records, stand=stand)).flow_run_id
    await records.note_call(run.run_id, node.id, flow_run_id, fencing_token=run.fencing_token)
    return OpenCall(node=node, flow_run_id=flow_run_id)


async def _start(
    node: PlanNode, inputs: dict[str, JsonValue], *, run: RunRef, records: Records, stand: Stand
) -> StartedRun:
    assert node.calls is not None
    calls = node.calls
    pinned = await records.plan(PlanDigest(calls.plan))
    # Prefect refuses to suspend what it knows as a subflow, so a run that waits for a person stands by itself.
    parent = None if any(each.gate for each in pinned.nodes) else await stand(node)

    async def start() -> StartedRun:
        async with get_client() as client:
            return await start_run(
                calls.workflow,
                inputs,
                records=records,
                launch=Launcher(client, parent=parent),
                project_id=run.project_id,
                trigger=f"{CALLED}{run.workflow}",
                # Whoever started the outer run cannot approve what it leads to either.
                triggered_by=run.triggered_by,
                idempotency_key=digest_of(["call", run.run_id, node.id, run.attempt]),
                traceparent=traceparent(trace_id(run.flow_run_id), run_span_id(run.flow_run_id, run.attempt - 1)),
                pinned=pinned,
            )

    return await retry_transient(start, is_transient=_passes)


def _passes(error: BaseException) -> bool:
    return isinstance(error, TransientTriggerError) and not isinstance(error, NotDeployed)


async def outcome_of(call: OpenCall, records: Records) -> NodeOutcome | None:
    """How the node ended, by the end of the run that it called; None while that goes on."""
    called = await records.run_of_flow_run(call.flow_run_id)
    if called is None:
        reason = await _lost(call)
        return None if reason is None else failed(call.node, reason)
    if called.finished_at is None:
        return None
    if called.status == "SUCCESS":
        return NodeOutcome(status="SUCCESS", output={} if called.outputs is None else called.outputs)
    return failed(call.node, _why(called))


def _why(called: Run) -> str:
    because = f": {called.message}" if called.message else ""
    return f"run {called.id} of workflow {called.workflow_name!r} failed{because}"


async def _lost(call: OpenCall) -> str | None:
    """Why there will be no record of the run: it ended in Prefect before it began."""
    assert call.node.calls is not None
    what = f"flow run {call.flow_run_id} of workflow {call.node.calls.workflow!r}"
    async with get_client() as client:
        try:
            state = (await client.read_flow_run(UUID(call.flow_run_id))).state
        except ObjectNotFound:
            return f"{what} was deleted in Prefect"
    if state is None or not state.is_final():
        return None
    return f"{what} ended in Prefect as {state.name} before its first node" + (
        f": {state.message}" if state.message else ""
    )


async def wait_for_calls(calls: Iterable[OpenCall], *, run: RunRef, records: Records) -> None:
    """Let go of the worker until one of these has ended. Raises Prefect's `Pause`."""
    names = ", ".join(f"{each.node.id!r}" for each in calls)
    message = f"waiting for the workflows that {names} called"
    waiting = Scheduled(scheduled_time=datetime.now(UTC) + LOOK_AGAIN, name=WAITS_FOR_CALL, message=message)
    async with get_client() as client:
        # Not forced: a run that is being cancelled stays so.
        answer = await client.set_flow_run_state(UUID(run.flow_run_id), waiting)
        if await _has_ended(run, client=client, records=records):
            raise Abort(f"run {run.run_id!r} has ended")
        with suppress(TransientTriggerError):
            await wake_callers(client, records)  # one may have ended before this run waited for it
    if answer.status != SetStateStatus.ACCEPT:
        raise Abort(message)
    raise Pause(message, state=answer.state)


async def _has_ended(run: RunRef, *, client: PrefectClient, records: Records) -> bool:
    """Whether the run ended while it was being told to wait; Prefect knows of its end again then.

    Where Prefect's answer is lost its client asks once more, seconds later: the run may have gone on and ended by then.
    """
    on_record = await records.run_of_flow_run(run.flow_run_id)
    if on_record is None or on_record.finished_at is None:
        return False
    end = Completed() if on_record.status == "SUCCESS" else Failed(message=on_record.message)
    await client.set_flow_run_state(UUID(run.flow_run_id), end, force=True)
    return True


async def wake_caller(records: Records) -> None:
    """This run has ended: wake the one that called it. If Prefect is away, the platform's own loop does."""
    with suppress(TransientTriggerError):
        async with get_client() as client:
            await wake_callers(client, records)
