"""A deployed workflow's name -> the Prefect flow that runs it.

The flow's parameters carry the digest of the plan; the plan itself is in the records. The first execution of a run pins
it: a run that waited for a week goes on with the plan it started with.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import httpx
from prefect import Flow, flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.context import FlowRunContext
from prefect.exceptions import Abort, Pause
from prefect.flow_runs import asuspend_flow_run
from prefect.logging import get_run_logger
from prefect.states import Completed, Failed
from pydantic import JsonValue

from compiler import TemplateError
from compiler.schemas.validation import validate_bounded
from flows.arrival import await_earlier
from flows.calls import wait_for_calls, wake_caller
from flows.checkpoint import load_checkpoint
from flows.claim import ClaimedRun, RunRequest, claim_run
from flows.concurrency import leave_slot, request_slot, wake_next
from flows.executor import Executor
from flows.form import OpenGate, form
from flows.missed_schedules import skip_or_wait
from flows.outputs import show_outputs
from flows.ready_nodes import failure_of
from flows.retry_detection import was_retried
from flows.run_logs import correct_run_logs
from flows.runtime import EnterRuntime, runtime
from observability.json_logs import know_run, log_context
from observability.traces.ids import trace_id
from operations.form_answers import PAUSE_KEY, apply_form_answers
from records import PayloadRefused, StaleAttempt
from records.errors import RowForged
from reliability.fault_points import fault_point
from reliability.retry import as_a_run
from reliability.tested_versions import versions
from tasks.services import RunRef, Services
from tasks.shown_nodes import ShownNodes
from tasks.task_graph import TaskGraph
from triggers.reconcile.resume import WAKE_INPUT

TAKEOVER_SECONDS = 5.0
"""In less time nobody takes a run from a process that stands still."""


def workflow_flow(name: str, *, enter: EnterRuntime = runtime) -> Flow[..., Any]:
    """The flow of one workflow. It needs a deployment: a run without one cannot wait for an approval.

    `enter` gives the parts it runs with.
    """

    @flow(name=name, persist_result=False)
    async def workflow(
        context: dict[str, Any] | None = None,
        trigger: str = "manual",
        plan: str | None = None,
        project_id: int = 1,
        triggered_by: str = "",
    ) -> State[Any]:
        correct_run_logs()
        async with enter() as services:
            with as_a_run():
                return await _execute(
                    RunRequest(
                        flow_run_id=str(_flow_run().id),
                        workflow=name,
                        project_id=project_id,
                        plan=plan,
                        trigger=trigger,
                        context=context or {},
                        triggered_by=triggered_by,
                        due=_flow_run().expected_start_time,
                        by_clock=bool(_flow_run().auto_scheduled),
                        made=_flow_run().created,
                    ),
                    services,
                )

    return workflow


async def _execute(request: RunRequest, services: Services) -> State[Any]:
    """Open the run and go through it. Raises Prefect's `Abort`, which changes nothing, once another has taken it over.

    A process may stand still anywhere and wake up beside its successor: what it meets then is not the run's failure.
    """
    run: ClaimedRun | None = None
    try:
        run = await claim_run(
            request,
            services.records,
            set_going_again=_set_going_again,
            still_ours=_is_still_ours,
            executed_by={"sandbox": services.backend, **versions()},
        )
        fault_point("run-opened")
        ids: dict[str, str | int] = {
            "run_id": run.run.run_id,
            "workflow": run.run.workflow,
            "project_id": run.run.project_id,
            "trace_id": trace_id(run.run.flow_run_id),
        }
        know_run(run.run.flow_run_id, **ids)
        with log_context(**ids):
            return await _run(run, services)
    except StaleAttempt as exc:
        raise Abort(str(exc)) from exc
    except RowForged as exc:
        return await _refuse(request.flow_run_id, str(exc), services)
    except Exception as exc:
        if run is not None and await _is_overtaken(run.run, services):
            raise Abort(f"run {run.run.run_id!r} was taken over, so this is left to its successor: {exc}") from exc
        raise


async def _refuse(flow_run_id: str, reason: str, services: Services) -> State[Any]:
    """What would be done was changed in the database: nothing is. The run, if it is on record, ends there as well."""
    known = await services.records.run_of_flow_run(flow_run_id)
    if known is not None:
        await services.records.finish_run(known.id, "FAILED", reason)
    return Failed(message=reason)


async def _is_overtaken(run: RunRef, services: Services) -> bool:
    return (await services.records.run(run.run_id)).fencing_token != run.fencing_token


async def _run(run: ClaimedRun, services: Services) -> State[Any]:
    if run.over:
        if run.failure is not None:
            return Failed(message=run.failure)
        if run.outputs:  # a crash may have come between the end on record and the table in Prefect
            await show_outputs(run.outputs, flow_run_id=run.run.flow_run_id)
        return Completed(message="It had ended before")
    if run.parent is not None and (await services.records.run(run.parent)).finished_at is not None:
        return await _finish(run, f"run {run.parent}, which called it, has ended", services)
    if run.refused is not None:
        return await _finish(run, run.refused, services)
    # What others made may take a second to be checked: other runs of this process go on meanwhile.
    if run.plan.context_schema is not None and (
        problems := await asyncio.to_thread(validate_bounded, dict(run.run.context), run.plan.context_schema)
    ):
        failure = f"the context does not fit workflow {run.plan.name!r}: {problems[0]}"
        return await _finish(run, failure, services)
    services = await services.of_project(run.plan.project_id)
    if (dropped := await skip_or_wait(run, _flow_run(), services.records)) is not None:
        return dropped
    if (elsewhere := await _find_place(run, services)) is not None:
        return elsewhere
    await apply_form_answers(
        _flow_run().id, run_id=run.run.run_id, records=services.records, logger=get_run_logger(), tell=True
    )
    shown = ShownNodes(graph=await _graph(run), run=run.run, logger=get_run_logger())
    shown.run_id(_flow_run())
    walk = Executor(
        plan=run.plan,
        run=run.run,
        services=services,
        catalogue=await services.records.catalogue(run.plan.project_id, archived=True),
        progress=await load_checkpoint(run.plan, run.run, services.records, retry_failed=run.retried),
        shown=shown,
        logger=get_run_logger(),
    )
    try:
        if gates := await walk.go():
            await shown.close()
            await _suspend(run.run, gates, services)
        if walk.open_calls:
            await shown.close()
            await wait_for_calls(walk.open_calls, run=run.run, records=services.records)
        failure, outputs = failure_of(run.plan, walk.ended), None
        if failure is None:
            try:
                outputs = walk.outputs()
            except TemplateError as exc:
                failure = str(exc)
        # Nobody waits for Prefect's page to hear of the end; Prefect hears of it when its page is whole.
        state, _ = await asyncio.gather(_finish(run, failure, services, outputs=outputs), shown.close())
        return state
    finally:
        shown.stop()


async def _graph(run: ClaimedRun) -> TaskGraph:
    """With what earlier executions have left, if there were any. It is for show: the run goes on without."""
    graph = TaskGraph(plan=run.plan)
    if run.run.fencing_token > 1:  # Prefect's own count leaves out what was resumed
        try:
            async with get_client() as client:
                await graph.read(client, _flow_run().id)
        except httpx.HTTPError as exc:
            get_run_logger().warning("Prefect's graph lacks edges: its task runs cannot be read (%s)", exc)
    return graph


async def _find_place(run: ClaimedRun, services: Services) -> State[Any] | None:
    """None: the run may go on. Raises Prefect's `Pause` where it has to wait in the queue."""
    try:
        if run.plan.concurrency is not None and run.run.attempt == 1:
            await await_earlier(run, _flow_run(), services.records)
        standing = await request_slot(
            run.plan, run=run.run, arrived=run.arrived, records=services.records, logger=get_run_logger()
        )
    except TemplateError as exc:
        return await _finish(run, f"the key of the workflow's concurrency: {exc}", services)
    if standing is None:
        return None
    if standing.turn != "go":
        get_run_logger().info("%s", standing.reason)
        return await leave_slot(standing, run=run.run, records=services.records)
    await services.records.set_run_status(run.run.run_id, "RUNNING", fencing_token=run.run.fencing_token)
    return None


async def _suspend(run: RunRef, gates: tuple[OpenGate, ...], services: Services) -> None:
    """Let go of the run until somebody decides. Raises Prefect's `Pause`; nothing of the run stays in memory."""
    await services.records.set_run_status(run.run_id, "WAITING_APPROVAL", fencing_token=run.fencing_token)
    fault_point("suspending")
    # Of this execution alone: Prefect forgets which pauses it had when a run is tried again, and keeps their answers.
    asked, key = form(gates), f"{PAUSE_KEY}-{run.fencing_token}"
    async with get_client() as client:
        await asked.publish(client, _flow_run().id, key)
    fault_point("form-saved")
    if await _is_overtaken(run, services):
        raise Abort(f"run {run.run_id!r} was taken over: whether it waits is for its successor to say")
    try:
        await asuspend_flow_run(wait_for_input=asked, key=key)
    except Pause:
        if await _is_overtaken(run, services):
            # It was the successor that has been suspended, which may be past these gates: nothing else would wake it.
            async with get_client() as client:
                await client.resume_flow_run(_flow_run().id, run_input=dict(WAKE_INPUT))
        raise
    except RuntimeError as exc:
        # The answer to the suspension was lost on its way, and before it was asked for again somebody had decided.
        async with get_client() as client:
            state = (await client.read_flow_run(_flow_run().id)).state
        if state is not None and state.is_scheduled():
            raise Abort("the run was suspended, and is resumed already: its next execution goes on") from exc
        raise
    # Prefect answers instead of suspending when it thinks that this pause is over. No answer counts as an approval.
    raise RuntimeError("the run could not be suspended while gates are open; retry it to be asked again")


async def _finish(
    run: ClaimedRun, failure: str | None, services: Services, *, outputs: dict[str, JsonValue] | None = None
) -> State[Any]:
    """End the run on record, and say in Prefect what the record says. Outputs that cannot be stored fail the run."""
    fault_point("run-ending")
    try:
        ended = await _end_on_record(run, failure, services, outputs=outputs)
    except PayloadRefused as exc:
        if outputs is None:
            raise
        failure, outputs = str(exc), None
        ended = await _end_on_record(run, failure, services, outputs=None)
    fault_point("run-ended")
    if not ended:  # it had ended before, from outside: what is on record stands
        known = await services.records.run(run.run.run_id)
        failure, outputs = known.message if known.status == "FAILED" else None, known.outputs
    if outputs:
        await show_outputs(outputs, flow_run_id=run.run.flow_run_id)
    if run.plan.concurrency is not None:
        await wake_next(services.records)
    if run.parent is not None:
        await wake_caller(services.records)
    return Completed(message="All nodes done") if failure is None else Failed(message=failure)


async def _end_on_record(
    run: ClaimedRun, failure: str | None, services: Services, *, outputs: dict[str, JsonValue] | None
) -> bool:
    status = "SUCCESS" if failure is None else "FAILED"
    return await services.records.finish_run(
        run.run.run_id, status, failure or "", outputs=outputs, fencing_token=run.run.fencing_token
    )


async def _set_going_again(ended: datetime) -> bool:
    async with get_client() as client:
        return was_retried(await client.read_flow_run_states(_flow_run().id), ended)


async def _is_still_ours() -> bool:
    """Whether Prefect still knows the run as this execution has begun it. Sure, where that was a moment ago."""
    context = FlowRunContext.get()
    assert context is not None
    mine = _flow_run()
    # The engine has set the run to Running and has read it anew: it may have stood still in between.
    if mine.state is None or not mine.state.is_running():
        return False
    if (datetime.now(UTC) - context.start_time).total_seconds() < TAKEOVER_SECONDS:
        return True
    async with get_client() as client:
        found = await client.read_flow_run(mine.id)
    return found.state is not None and found.state.id == mine.state.id


def _flow_run() -> FlowRun:
    context = FlowRunContext.get()
    assert context is not None
    assert context.flow_run is not None
    return context.flow_run
