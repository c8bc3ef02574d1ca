"""What a person does to a run that is there: cancel it, retry it, run it again from a node, replay its context.

Each act is in the audit before it takes effect, with who did it and by which channel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import State
from prefect.client.schemas.responses import SetStateStatus
from prefect.exceptions import ObjectNotFound
from prefect.states import AwaitingRetry, Cancelling

from compiler.plan import Plan, PlanDigest
from operations.errors import TransientTriggerError
from operations.find_run import find_run
from operations.start_run import REPLAY_TRIGGER, Launch, StartedRun, start_run
from operations.unreached_nodes import show_end_of
from records import NodeResult, Records, Run
from records.approvals.audit import Actor
from reliability.retry import retry_stale_connection


class RunRefused(ValueError):
    """The run is in no state for that; the message says what to do instead."""


@dataclass(frozen=True, kw_only=True)
class RerunRequest:
    """A run that goes again from a node."""

    run: Run
    nodes: tuple[str, ...]
    """What runs again; the outputs of all others are kept."""


@dataclass(frozen=True, kw_only=True)
class RerunPreview:
    """What running again from a node would do."""

    nodes: tuple[str, ...]
    """What runs again, in the order of the plan."""
    unfinished: tuple[str, ...]
    """Others that have not ended well, and what waits for these: they run, too, as in a retry."""
    kept: tuple[str, ...]
    """Nodes that have ended well, whose outputs are kept."""
    gates: tuple[str, ...]
    """Nodes among both with a gate: asked again, unless what would run was approved and has not been done."""
    effects: tuple[str, ...]
    """Nodes among both that act outside of the jail, and would do so again."""


async def cancel_run(
    run_id: str, *, records: Records, client: PrefectClient, by: Actor, project_id: int, reason: str = ""
) -> bool:
    """End the run; agents at work are stopped within seconds, open questions are withdrawn. Whether it has ended yet.

    Raises NotFound, RunRefused for one that has ended, TransientTriggerError when Prefect does not answer.
    """
    run = await find_run(records, run_id, project_id=project_id)
    if run.finished_at is not None:
        raise RunRefused(f"run {run.id!r} has ended already ({run.status}): there is nothing to cancel")
    message = f"cancelled by {by.name}" + (f": {reason}" if reason else "")
    await records.audit_run(run.id, "cancelled", by=by, notes=reason)
    # On record first: Prefect's own record of a cancelled run does not keep the reason.
    await records.note_end(run.id, message)
    await _cancel_called(run.id, f"cancelled with run {run.id}, which called it", records=records, client=client)
    ended = await cancel_in_prefect(client, run.flow_run_id, message)
    if ended:
        await _finish(run, message, records=records, client=client)
    return ended


async def _finish(run: Run, message: str, *, records: Records, client: PrefectClient) -> None:
    await records.finish_run(run.id, "FAILED", message)
    await show_end_of(run, message, records=records, client=client)


async def _cancel_called(run_id: str, reason: str, *, records: Records, client: PrefectClient) -> None:
    """Cancel the runs that nodes of this one called and wait for, and those that they called."""
    for flow_run_id in (await records.open_calls(run_id)).values():
        called = await records.run_of_flow_run(flow_run_id)
        if called is not None:
            if called.finished_at is not None:
                continue
            await records.note_end(called.id, reason)
            await _cancel_called(called.id, reason, records=records, client=client)
        if await cancel_in_prefect(client, flow_run_id, reason) and called is not None:
            await _finish(called, reason, records=records, client=client)


async def retry_run(run_id: str, *, records: Records, client: PrefectClient, by: Actor, project_id: int) -> Run:
    """Run the failed nodes of a failed run again, in the same run. Raises as `cancel_run` does."""
    run = await find_run(records, run_id, project_id=project_id)
    if run.status != "FAILED" or run.finished_at is None:
        raise RunRefused(
            f"run {run.id!r} is {run.status}: only a failed run is retried; rerun another from a node"
        )
    await _require_ended(client, run)
    await _require_no_rejection(run, records)
    await records.audit_run(run.id, "retried", by=by)
    await _schedule(client, run)
    return run


async def rerun_run(
    run_id: str, node: str, *, records: Records, client: PrefectClient, by: Actor, project_id: int
) -> RerunRequest:
    """Run a node of an ended run again, and all that depends on it. Outputs of the other nodes are kept.

    An approval is for doing something once: the gate of a node that ended well is asked again, and so is one of other
    work than what was approved, and one that was rejected. Raises as `cancel_run` does.
    """
    run = await find_run(records, run_id, project_id=project_id)
    if run.finished_at is None:
        raise RunRefused(f"run {run.id!r} is {run.status}: cancel it first, or wait for its end")
    plan = await records.plan(PlanDigest(run.plan_digest or ""))
    nodes = nodes_from(plan, node)
    await _require_ended(client, run)
    if not await records.request_rerun(run.id, nodes, by=by, notes=f"from node {node!r}"):
        raise RunRefused(f"run {run.id!r} goes on already")
    await _schedule(client, run)
    return RerunRequest(run=run, nodes=nodes)


async def preview_rerun(run_id: str, node: str, *, records: Records, project_id: int) -> RerunPreview:
    """What `rerun_run` would do. Raises NotFound and, for a node that the plan does not have, RunRefused."""
    run = await find_run(records, run_id, project_id=project_id)
    plan = await records.plan(PlanDigest(run.plan_digest or ""))
    nodes = nodes_from(plan, node)
    results = await records.node_results(run.id)
    unfinished = _unfinished(plan, nodes, results)
    again = [each for each in plan.nodes if each.id in nodes or each.id in unfinished]
    return RerunPreview(
        nodes=nodes,
        unfinished=unfinished,
        kept=tuple(
            each.id
            for each in plan.nodes
            if each.id not in nodes and (result := results.get((each.id, None))) and result.status == "SUCCESS"
        ),
        gates=tuple(each.id for each in again if each.gate is not None),
        effects=tuple(each.id for each in again if each.effect is not None),
    )


def _unfinished(
    plan: Plan, nodes: tuple[str, ...], results: Mapping[tuple[str, int | None], NodeResult]
) -> tuple[str, ...]:
    """Not those that a condition has skipped: that comes out the same."""
    found: dict[str, None] = {}
    for node in plan.nodes:
        result = results.get((node.id, None))
        waited = result is not None and result.status == "SKIPPED" and not found.keys() & set(node.depends_on)
        if node.id not in nodes and not waited and (result is None or result.status != "SUCCESS"):
            found[node.id] = None
    return tuple(found)


async def replay_run(
    run_id: str,
    *,
    records: Records,
    launch: Launch,
    by: Actor,
    project_id: int,
    context: Mapping[str, Any] | None = None,
) -> StartedRun:
    """Start the workflow as it is now with the run's context, or with an edited one. It is a new run.

    Raises NotFound, and what `start_run` raises.
    """
    run = await find_run(records, run_id, project_id=project_id)
    given = dict(run.context if context is None else context)
    given.pop("projectId", None)
    started = await start_run(
        run.workflow_name,
        given,
        records=records,
        launch=launch,
        project_id=project_id,
        trigger=REPLAY_TRIGGER,
        triggered_by=by.name or "",
        # The context of an event is not what a person would have given.
        typed=context is not None or run.trigger == REPLAY_TRIGGER,
    )
    edited = "" if context is None else " with another context"
    await records.audit_run(run.id, "replayed", by=by, notes=f"as flow run {started.flow_run_id}{edited}")
    return started


def nodes_from(plan: Plan, node: str) -> tuple[str, ...]:
    """The node and all that runs after it, in the plan's order. Raises RunRefused where the plan has no such node."""
    names = [each.id for each in plan.nodes]
    if node not in names:
        raise RunRefused(f"workflow {plan.name!r} has no node {node!r}; its nodes are: {', '.join(names)}")
    chosen = {node}
    grown = True
    while grown:
        handlers = {each.on_failure.removeprefix("handler:") for each in plan.nodes if each.id in chosen}
        more = {
            each.id
            for each in plan.nodes
            if each.id not in chosen and (each.id in handlers or chosen.intersection(each.depends_on))
        }
        chosen |= more
        grown = bool(more)
    return tuple(name for name in names if name in chosen)


async def cancel_in_prefect(client: PrefectClient, flow_run_id: str | None, reason: str) -> bool:
    """Whether the run has ended in Prefect; a worker that executes it stops it within seconds."""
    if flow_run_id is None:
        return True
    found = UUID(flow_run_id)
    try:
        state = await _state(client, found)
        if state is not None and not state.is_final():
            await client.set_flow_run_state(found, Cancelling(message=reason))
            # What no worker holds is Cancelled at once.
            state = await _state(client, found)
        ended = state is not None and state.is_final()
    except ObjectNotFound:
        return True
    except httpx.HTTPError as exc:
        raise _away(exc) from exc
    return ended


async def _require_ended(client: PrefectClient, run: Run) -> None:
    """Raises RunRefused where Prefect has no such run, or has not heard of its end: it would not be run again."""
    if run.flow_run_id is None:
        raise RunRefused(f"run {run.id!r} is none of Prefect's: it cannot be run again")
    try:
        state = await _state(client, UUID(run.flow_run_id))
    except ObjectNotFound as exc:
        raise RunRefused(f"run {run.id!r} was deleted in Prefect: replay it instead") from exc
    except httpx.HTTPError as exc:
        raise _away(exc) from exc
    if state is None or not state.is_final():
        raise RunRefused(f"run {run.id!r} is just ending, or is queued to go again: look at it in a moment")


async def _require_no_rejection(run: Run, records: Records) -> None:
    """Raises RunRefused where all that failed was rejected: a retry leaves that so, and would end as before."""
    results = await records.node_results(run.id)
    failed = {node for (node, item), result in results.items() if item is None and result.status == "FAILED"}
    answered = await records.approvals(run_id=run.id, status="REJECTED")
    rejected = [
        each.node_id for each in answered if each.closed_as in (None, "expired") and each.node_id in failed
    ]
    if failed and failed <= set(rejected):
        raise RunRefused(
            f"run {run.id!r} failed because {' and '.join(map(repr, sorted(rejected)))} was rejected, and a "
            f"retry leaves that so: `commandcenter rerun {run.id[:8]} {rejected[0]}` asks again"
        )


async def _schedule(client: PrefectClient, run: Run) -> None:
    """Put the run into the queue; a worker takes it as it takes any other."""
    flow_run_id = UUID(run.flow_run_id or "")
    try:
        answer = await client.set_flow_run_state(flow_run_id, AwaitingRetry())
        if answer.status != SetStateStatus.ACCEPT:
            # Prefect's own rules know no run that ended well and goes on: the records decide.
            await client.set_flow_run_state(flow_run_id, AwaitingRetry(), force=True)
    except httpx.HTTPError as exc:
        raise _away(exc) from exc


async def _state(client: PrefectClient, flow_run_id: UUID) -> State[Any] | None:
    return (await retry_stale_connection(lambda: client.read_flow_run(flow_run_id))).state


def _away(exc: Exception) -> TransientTriggerError:
    return TransientTriggerError(f"Prefect does not answer ({type(exc).__name__}: {exc}); try again")
