"""Runs that nobody executes any more → back into the queue, or to their end.

A run names its owner (see `owner`). The owner is dead when another life of the same worker has begun, or when its
worker has sent no heartbeat for several intervals. Two workers never judge the same owner: a worker judges its own
former lives, and of all living workers the first by name judges the rest.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateName,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import FlowRun, State, StateType, WorkerStatus
from prefect.states import AwaitingRetry, Cancelled, Failed

from deployments.worker.run_client import disown
from deployments.worker.worker_identity import WorkerIdentity
from triggers.reconcile.crashed_runs import MAX_TAKEOVERS, TAKEOVERS, takeovers

SETTLING_SECONDS = 15.0
"""A state younger than this may be about to get its owner: a run is claimed first and signed a moment later."""
UNSIGNED_SECONDS = 60.0
"""A worker signs before it starts a run. One that has been running for so long unsigned was set to running by hand."""
OUTAGE_SECONDS = 90.0
"""So long after the API failed, a silent worker may only not have found the API again. As long after the clock was set,
since every heartbeat seems old, or newer than it is, until the next one."""
JUMP_SECONDS = 10.0
"""What the clock may gain or lose between two looks before it has been set rather than gone on."""

Action = Literal["leave", "take over", "retry elsewhere", "give up", "end as cancelled", "cancel here"]

_logger = logging.getLogger("prefect.worker.recovery")


@dataclass(frozen=True, kw_only=True)
class WorkerView:
    """What one worker knows when it judges."""

    me: WorkerIdentity
    in_hand: Collection[UUID]
    """Runs that this worker is busy with."""
    alive: Collection[str]
    """Names of the workers of the pool that send heartbeats."""
    trust_silence: bool
    """Whether a worker without heartbeats is dead, and not perhaps only cut off."""
    trust_clock: bool = True
    """Whether the clock tells how long a run has been in its state."""

    def lost(self, owner: WorkerIdentity) -> bool:
        """Whether this worker must act on the runs of the owner because the owner will not."""
        if owner.worker == self.me.worker:
            # The caller has excluded what is in hand, so runs of this very life were lost by an error.
            return True
        leader = min({*self.alive, self.me.worker})
        return self.trust_silence and owner.worker not in self.alive and leader == self.me.worker


def judge(run: FlowRun, view: WorkerView, *, now: datetime) -> Action:
    """What to do about one run that is neither waiting for a worker nor at its end."""
    state = run.state
    if state is None:
        return "leave"
    if run.id in view.in_hand:
        return "cancel here" if state.type == StateType.CANCELLING else "leave"
    owner = WorkerIdentity.parse(run.infrastructure_pid)
    # A state of the future is one from before the clock was set back.
    age = abs((now - state.timestamp).total_seconds()) if view.trust_clock else 0.0
    settled = age > SETTLING_SECONDS
    if owner is None:
        # Another kind of worker has a signature of its own. Without any, nobody executes the run.
        grace = UNSIGNED_SECONDS if state.type == StateType.RUNNING else SETTLING_SECONDS
        leader = min({*view.alive, view.me.worker})
        unsigned = run.infrastructure_pid is None and age > grace and leader == view.me.worker
        lost = unsigned and state.type != StateType.SCHEDULED
    else:
        # A run that has waited bears the signature of its former owner until the new one has signed.
        may_be_signed_anew = state.type == StateType.PENDING or owner == view.me
        lost = view.lost(owner) and (settled or not may_be_signed_anew)
    if not lost:
        return "leave"
    if state.type == StateType.CANCELLING:
        return "end as cancelled"
    if state.type == StateType.SCHEDULED:
        return "retry elsewhere" if run.empirical_policy.retry_type == "in_process" else "leave"
    return "take over" if takeovers(run) < MAX_TAKEOVERS else "give up"


async def requeue(client: PrefectClient, run: FlowRun, *, message: str) -> State:
    """Put a run that was executed back into the queue; its new state."""
    # In this order: from the moment of the new state on, another worker may take and sign it.
    await disown(client, run.id, policy=run.empirical_policy)
    state = AwaitingRetry(message=message, scheduled_time=datetime.now(UTC))
    await client.set_flow_run_state(run.id, state, force=True)
    return state


class Recovery:
    """Looks for lost runs of one work pool."""

    def __init__(
        self,
        client: PrefectClient,
        *,
        pool: str,
        me: WorkerIdentity,
        in_hand: Callable[[], Collection[UUID]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._pool = pool
        self._me = me
        self._in_hand = in_hand
        self._clock = clock
        self._last_failure = self._jumped = time.monotonic() - OUTAGE_SECONDS
        self._offset = self._clock() - time.monotonic()

    async def sweep(self) -> frozenset[UUID]:
        """Judge all runs and act; returns those in hand that were cancelled without this worker hearing of it."""
        self._look_at_the_clock()
        try:
            runs = await self._candidates()
            alive = await self._alive() if runs else frozenset[str]()
        except Exception:
            self._last_failure = time.monotonic()
            raise
        trust_clock = time.monotonic() - self._jumped > OUTAGE_SECONDS
        view = WorkerView(
            me=self._me,
            in_hand=self._in_hand(),
            alive=alive,
            trust_silence=trust_clock and time.monotonic() - self._last_failure > OUTAGE_SECONDS,
            trust_clock=trust_clock,
        )
        cancelled: set[UUID] = set()
        for run in runs:
            match judge(run, view, now=datetime.fromtimestamp(self._clock(), UTC)):
                case "leave":
                    pass
                case "cancel here":
                    cancelled.add(run.id)
                case action:
                    await self._act(run, action)
        return frozenset(cancelled)

    def _look_at_the_clock(self) -> None:
        offset = self._clock() - time.monotonic()
        if abs(gained := offset - self._offset) > JUMP_SECONDS:
            _logger.warning(
                "The clock was set by %+.0f s: silent workers are judged in %g s.", gained, OUTAGE_SECONDS
            )
            self._jumped = time.monotonic()
        self._offset = offset

    async def _candidates(self) -> list[FlowRun]:
        wanted = FlowRunFilterState.model_validate(
            {
                "operator": "or_",
                "type": FlowRunFilterStateType(any_=[StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]),
                "name": FlowRunFilterStateName(any_=["AwaitingRetry"]),
            }
        )
        runs: list[FlowRun] = []
        while True:
            page = await self._client.read_flow_runs(
                work_pool_filter=WorkPoolFilter(name=WorkPoolFilterName(any_=[self._pool])),
                flow_run_filter=FlowRunFilter(state=wanted),
                limit=200,
                offset=len(runs),
            )
            runs += page
            if len(page) < 200:
                return runs

    async def _alive(self) -> frozenset[str]:
        workers = await self._client.read_workers_for_work_pool(self._pool)
        return frozenset(worker.name for worker in workers if worker.status == WorkerStatus.ONLINE)

    async def _act(self, seen: FlowRun, action: Action) -> None:
        run = await self._client.read_flow_run(seen.id)
        if run.state_id != seen.state_id or run.infrastructure_pid != seen.infrastructure_pid:
            return
        owner = WorkerIdentity.parse(run.infrastructure_pid)
        whose = f"worker {owner.worker!r}" if owner else "a worker"
        _logger.warning("Flow run %r (%s) was left by %s: %s.", run.name, run.id, whose, action)
        if action == "take over":
            await self._client.update_flow_run_labels(run.id, {TAKEOVERS: takeovers(run) + 1})
            await requeue(
                self._client,
                run,
                message=f"Taken over: {whose} stopped without ending the run "
                f"(takeover {takeovers(run) + 1} of {MAX_TAKEOVERS}).",
            )
        elif action == "retry elsewhere":
            await disown(self._client, run.id, policy=run.empirical_policy)
        elif action == "end as cancelled":
            await self._client.set_flow_run_state(
                run.id, Cancelled(message=f"Cancelled after {whose} had stopped."), force=True
            )
        else:
            await self._client.set_flow_run_state(
                run.id,
                Failed(
                    message=f"Given up after {MAX_TAKEOVERS} takeovers: each worker that executed the run stopped "
                    f"without ending it, the last one was {whose}. Retry the run to try again."
                ),
                force=True,
            )
