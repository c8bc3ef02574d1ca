"""Scheduled runs of a work pool → their ends, all in this one process: Prefect's worker type `commandcenter`.

Prefect's stock workers start an interpreter or two for each run and look for runs every few seconds. This one
keeps everything loaded, is woken by Prefect's events, and still polls in case it misses one.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Collection, Coroutine, Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import anyio
import anyio.abc
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun, State
from prefect.client.schemas.responses import DeploymentResponse, WorkerFlowRunResponse
from prefect.exceptions import ObjectNotFound
from prefect.workers.base import BaseJobConfiguration, BaseVariables, BaseWorker, BaseWorkerResult

from deployments.worker.cancel_suspend import CancelSuspend
from deployments.worker.event_subscriber import READY, EventSubscriber
from deployments.worker.fair_share import WHEN_BUSY, FairShare, is_of_a_project
from deployments.worker.flow_loader import FlowLoader, FlowNotRunnable
from deployments.worker.flow_thread import FlowThread
from deployments.worker.pending_runs import PendingRuns
from deployments.worker.recovery import Recovery, requeue
from deployments.worker.run_client import waiting_runs
from deployments.worker.worker_identity import WorkerIdentity
from reliability.cancellation import cancelled
from reliability.settings import WorkerSettings
from reliability.shutdown import cancelled_by_signals
from reliability.tested_versions import require_tested
from reliability.turns import LANE
from tasks.prefect_lanes import say_lane
from tasks.prefect_retry import is_transient

RUNS_AT_ONCE = 100
"""How many runs a worker has in hand unless told otherwise. Those that wait for people or places are not in hand."""
HEARTBEAT_SECONDS = 5
"""How often the worker says that it lives; after three silent intervals another worker takes its runs."""
SWEEP_SECONDS = 5.0
"""How often it looks for runs that nobody executes."""
DEPLOYMENT_SECONDS = 15.0
"""How long it remembers a deployment's entrypoint."""
DEAF_POLL_SECONDS = 1.0
"""How often it polls while Prefect's event stream is not there."""
FULL_SECONDS = 0.1
"""How long a place that has become free waits for others, where all were taken: one poll then fills them all."""
BUSY_LAG_SECONDS, BUSY_ANSWER_SECONDS = 0.05, 0.25
"""The thread of the runs, or Prefect's server, that takes longer is busy: more runs would only make each slower."""
BUSY_POLL_SECONDS = 0.25
"""How often it looks whether that is over."""
HAND_BACK_SECONDS = 5.0
"""How long the runs in hand may take to end when the worker stops."""


class CommandCenterWorkerResult(BaseWorkerResult):
    """Only for Prefect's types: runs in this process have no exit status."""


class CommandCenterWorker(BaseWorker[BaseJobConfiguration, BaseVariables, CommandCenterWorkerResult]):
    """Executes runs side by side in its own process."""

    type = "commandcenter"
    job_configuration = BaseJobConfiguration
    _description = "Runs asynchronous flows side by side in one long-lived process, woken by events."

    def __init__(
        self,
        work_pool_name: str,
        *args: Any,
        name: str | None = None,
        heartbeat_interval_seconds: int | None = None,
        limit: int | None = None,
        **options: Any,
    ) -> None:
        require_tested("prefect")  # private methods of `BaseWorker` are overridden below
        name = name or f"{socket.gethostname()}-{os.getpid()}"
        heartbeat = heartbeat_interval_seconds or HEARTBEAT_SECONDS
        super().__init__(
            work_pool_name,
            *args,
            name=name,
            heartbeat_interval_seconds=heartbeat,
            limit=limit or RUNS_AT_ONCE,
            **options,
        )
        self.owner = WorkerIdentity.new(self.name)
        self._flows = FlowThread(self.owner, hand_back=self._hand_back)
        self._loader = FlowLoader(test_module=WorkerSettings.load().test_flows)
        self._deployments: dict[UUID, tuple[float, DeploymentResponse]] = {}
        self._wake = asyncio.Event()
        self._announced = PendingRuns()
        self._claiming: set[UUID] = set()
        self._poll_lock = asyncio.Lock()
        self._wakeups: EventSubscriber | None = None
        self._interruptions: CancelSuspend | None = None
        self._background: set[asyncio.Task[None]] = set()
        self._queue_of_run: dict[UUID, str | None] = {}
        self._answer_seconds = 0.0
        """What the last poll took."""
        self._busy = False
        """What it found of the thread of the runs and of the server."""
        self._asking: set[str] = set()
        """Queues that are asked for by themselves."""
        self._begun = False
        self._stopping = False

    @classmethod
    def get_default_base_job_template(cls) -> dict[str, Any]:
        """The least that Prefect accepts as the template of a work pool: there is nothing to configure."""
        name = {"type": "string", "title": "Name", "description": "Not used: runs share the worker's process."}
        return {
            "job_configuration": {"name": "{{ name }}"},
            "variables": {"type": "object", "properties": {"name": name}},
        }

    async def run(
        self,
        flow_run: FlowRun,
        configuration: BaseJobConfiguration,
        task_status: anyio.abc.TaskStatus[int] | None = None,
    ) -> CommandCenterWorkerResult:
        """Execute one run; Prefect calls it for ad-hoc submissions only."""
        if task_status is not None:
            task_status.started(os.getpid())
        await self._execute(flow_run)
        return CommandCenterWorkerResult(identifier=str(self.owner), status_code=0)

    # What Prefect calls when the worker starts, polls and stops

    async def start(self, *args: Any, **options: Any) -> None:
        """Work until cancelled, or until a signal ends it."""
        # Prefect's command line answers SIGTERM with SIGINT, which processes below a shell's `&` ignore.
        with cancelled_by_signals():
            await super().start(*args, **options)

    async def _setup_cancellation_observer(self) -> None:
        """Begin to work: called after each successful contact with the API, of which the first matters."""
        if self._begun or self._work_pool is None:
            return
        self._begun = True
        self._fair = FairShare(self.client, self._work_pool_name)
        say_lane(self.client)
        await self._flows.__aenter__()
        self._interruptions = CancelSuspend(self.client, self._flows, worker=self.name)
        self._wakeups = EventSubscriber(self._work_pool.id, self._on_event)
        recovery = Recovery(self.client, pool=self._work_pool_name, me=self.owner, in_hand=self._in_hand)
        self._spawn(self._wakeups.listen())
        self._spawn(self._poll_when_woken())
        self._spawn(self._sweep(recovery, self._interruptions))
        await self._show_life()

    async def get_and_submit_flow_runs(self) -> list[FlowRun]:
        """Take all runs that wait in the pool, as far as limits allow."""
        async with self._poll_lock:
            if self._stopping or not self._begun:
                return []
            before = frozenset(self._submitting_flow_run_ids)
            found = await super().get_and_submit_flow_runs()
            self._note_taken(found, before)
            return found

    def _note_taken(self, found: Iterable[FlowRun], before: Collection[UUID]) -> None:
        for flow_run in found:
            # One that is still in hand from its last time has to be found again.
            if flow_run.id not in before:
                self._announced.taken(flow_run.id, flow_run.state_id)

    async def _ask_queue(self, queue: str) -> None:
        """Take what waits in one project's queue, within its share, while a poll for all of them is under way.

        Beside the backlog of another project that poll may take a second, and has no run that came meanwhile.
        """
        LANE.set(queue)  # this is a task of its own
        self._asking.add(queue)
        try:
            free = min(int(self.limiter.available_tokens), WHEN_BUSY - self._held(queue))
            if free < 1:
                return
            before = datetime.now(UTC) + timedelta(seconds=int(self._prefetch_seconds))
            limit = free + len(self._claiming)  # what is being claimed may still look like waiting
            waiting = await waiting_runs(
                self.client, self._work_pool_name, queues=[queue], limit=limit, before=before
            )
            in_hand = frozenset(self._submitting_flow_run_ids)
            new = [each for each in waiting if each.flow_run.id not in in_hand]
            room = 0 if self._stopping else max(0, WHEN_BUSY - self._held(queue))
            self._note_taken(await self._submit_scheduled_flow_runs(flow_run_response=new[:room]), in_hand)
        except Exception as exc:
            # The next poll for all finds it.
            self._logger.debug("Asking for the runs of queue %r failed: %r", queue, exc)
        finally:
            self._asking.discard(queue)

    async def _get_scheduled_flow_runs(self) -> list[WorkerFlowRunResponse]:
        """As many runs as there are places: Prefect's own worker reads two hundred each time, to take one or two."""
        in_hand = len(self._queue_of_run)
        # Twice as many at most as before, so that it is seen in time when they become too many.
        free = min(int(self.limiter.available_tokens), max(in_hand, 2 * WHEN_BUSY))
        if free < 1:
            return []
        busy = in_hand > 0 and (
            self._answer_seconds > BUSY_ANSWER_SECONDS or await self._flows.lag() > BUSY_LAG_SECONDS
        )
        self._busy = busy
        began = time.monotonic()
        try:
            found = await self._fair.waiting(
                queues=self._work_queues,
                free=free,
                # What is being claimed may still look like waiting.
                claiming=len(self._claiming),
                places=int(self.limiter.total_tokens),
                in_hand=self._queue_of_run,
                busy=busy,
                before=datetime.now(UTC) + timedelta(seconds=int(self._prefetch_seconds)),
            )
        except ObjectNotFound:
            return []  # the pool is made with the next heartbeat
        self._answer_seconds = time.monotonic() - began
        if busy or len(found) >= free:
            asyncio.get_running_loop().call_later(BUSY_POLL_SECONDS if busy else FULL_SECONDS, self._wake.set)
        return found

    async def teardown(self, *exc_info: Any) -> None:
        """Stop: runs in hand go back into the queue for another worker, or for the next life of this one."""
        self._stopping = True
        for task in self._background:
            task.cancel()
        if self._begun:
            with anyio.CancelScope(shield=True):
                await self._flows.interrupt(self._flows.running, "handed back", seconds=HAND_BACK_SECONDS)
                await self._flows.__aexit__()
        await super().teardown(*exc_info)

    async def _submit_run(self, flow_run: FlowRun) -> None:
        """Execute a run that was polled, and free its place; never raises, or the worker would end."""
        LANE.set(flow_run.work_queue_name)  # this is a task of its own
        self._claiming.add(flow_run.id)
        self._queue_of_run[flow_run.id] = flow_run.work_queue_name
        try:
            await self._take(flow_run)
        except Exception as exc:
            if is_transient(exc):
                # It still waits in the queue; or it was claimed, and is found as such by the sweep.
                self._logger.warning("Run %s is taken again later: %r", flow_run.id, exc)
                asyncio.get_running_loop().call_later(DEAF_POLL_SECONDS, self._wake.set)
                return
            message = f"The run could not be executed: {type(exc).__name__}: {exc}"
            self.get_flow_run_logger(flow_run).error(message, exc_info=not isinstance(exc, FlowNotRunnable))
            await self._propose_crashed_state(flow_run, message)
        finally:
            self._claiming.discard(flow_run.id)
            self._queue_of_run.pop(flow_run.id, None)
            self._submitting_flow_run_ids.discard(flow_run.id)
            full = self._limiter is not None and self._limiter.available_tokens < 1
            self._release_limit_slot(flow_run.id)
            if full or self._announced:
                # A place is free for a run that waits, or this one was resumed while it was being suspended.
                self._announced.done_with(flow_run.id)
                asyncio.get_running_loop().call_later(FULL_SECONDS if full else 0, self._wake.set)

    # One run

    async def _take(self, flow_run: FlowRun) -> None:
        try:
            await self._deployment(flow_run)
        except ObjectNotFound:
            message = f"Deployment {flow_run.deployment_id} no longer exists, cancelled run."
            await self._mark_flow_run_as_cancelled(flow_run, {"message": message})
            return
        claimed = await self._propose_pending_state(flow_run)
        self._claiming.discard(flow_run.id)
        if claimed:
            await self._execute(flow_run)

    async def _execute(self, flow_run: FlowRun) -> None:
        deployment = await self._deployment(flow_run)
        flow = await self._loader.load(deployment.entrypoint, deployment=deployment.name)
        await self._flows.execute(flow_run, flow)

    async def _deployment(self, flow_run: FlowRun) -> DeploymentResponse:
        if flow_run.deployment_id is None:
            raise FlowNotRunnable(f"flow run {flow_run.name!r} has no deployment, so there is no flow to load")
        now = time.monotonic()
        until, deployment = self._deployments.get(flow_run.deployment_id, (0.0, None))
        if deployment is None or until < now:
            deployment = await self.client.read_deployment(flow_run.deployment_id)
            self._deployments[flow_run.deployment_id] = (now + DEPLOYMENT_SECONDS, deployment)
        return deployment

    async def _hand_back(self, client: PrefectClient, flow_run: FlowRun) -> State:
        return await requeue(client, flow_run, message=f"Handed back by worker {self.name!r}, which stops.")

    # What goes on all the time

    def _in_hand(self) -> frozenset[UUID]:
        return self._flows.running | self._submitting_flow_run_ids

    def _held(self, queue: str | None) -> int:
        """How many runs of that queue are in hand."""
        return sum(each == queue for each in self._queue_of_run.values())

    def _may_ask(self, queue: str | None) -> bool:
        """Whether to ask for that queue by itself: a poll for all has begun before the run was there."""
        if not self._poll_lock.locked() or queue in self._asking or not is_of_a_project(queue):
            return False
        return not self._work_queues or queue in self._work_queues

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._background.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._background.discard(task)
        if not task.cancelled() and (exc := task.exception()):
            self._logger.error("A part of the worker failed: %r", exc, exc_info=exc)

    async def _on_event(self, name: str, flow_run_id: UUID, state_id: UUID, queue: str | None) -> None:
        in_hand = flow_run_id in self._in_hand()
        if name in READY:
            # None of a project that has its share is taken before one of its runs ends: each of its hundreds of events
            # would else be a request more to a server that is busy.
            later = self._busy and self._held(queue) >= WHEN_BUSY
            if self._announced.heard(flow_run_id, state_id, in_hand=in_hand or later) and not later:
                self._wake.set()
                if self._may_ask(queue):
                    self._spawn(self._ask_queue(str(queue)))
        elif in_hand and (to := self._interruptions) is not None:
            self._spawn(to.cancel(flow_run_id) if name == "Cancelling" else to.suspend(flow_run_id))

    async def _poll_when_woken(self) -> None:
        while not cancelled():
            with suppress(TimeoutError):
                async with asyncio.timeout(DEAF_POLL_SECONDS):
                    await self._wake.wait()
            deaf = self._wakeups is None or not self._wakeups.connected
            if not (deaf or self._wake.is_set()):
                continue
            self._wake.clear()
            try:
                await self.get_and_submit_flow_runs()
            except Exception as exc:
                self._logger.debug("Polling failed: %r", exc)
                await asyncio.sleep(DEAF_POLL_SECONDS)
            if (pause := self._announced.polled()) is not None:
                asyncio.get_running_loop().call_later(pause, self._wake.set)

    async def _sweep(self, recovery: Recovery, interruptions: CancelSuspend) -> None:
        while not cancelled():
            try:
                for flow_run_id in await recovery.sweep():
                    self._spawn(interruptions.cancel(flow_run_id))
                await self._show_life()
            except Exception as exc:
                self._logger.debug("Looking for lost runs failed: %r", exc)
            await asyncio.sleep(SWEEP_SECONDS)

    async def _show_life(self) -> None:
        """Touch the ready file: the worker has just heard from Prefect's API."""
        if ready := WorkerSettings.load().ready_file:
            await asyncio.to_thread(ready.touch)
