"""Flow runs → their ends, side by side on one event loop in one thread.

Why a thread: the worker's heartbeats and polls must go on while a flow computes, and Prefect's engine changes the
signal handlers of the process when it runs in the main thread. Why only one: all runs share one API client, and
what `flows.runtime` opened once.
"""

from __future__ import annotations

import asyncio
import contextvars
import importlib
import importlib.util
import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, Self, TypeVar, cast
from uuid import UUID

from prefect._flow_run_suspension import mark_flow_run_suspension_requested
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun, State
from prefect.exceptions import Abort, Pause
from prefect.flows import Flow
from prefect.logging.loggers import flow_run_logger
from prefect.settings import get_current_settings

from deployments.worker.engine import InProcessEngine, StopReason, parameters
from deployments.worker.run_client import RunClient, use_no_result_storage
from deployments.worker.worker_identity import WorkerIdentity
from reliability.turns import LANE
from tasks.shown_nodes import RunLabel, label_of

R = TypeVar("R")
HandBack = Callable[[PrefectClient, FlowRun], Awaitable[State]]


class FlowThread:
    """The thread, its loop, and the runs on it; entered and used from the worker's own loop."""

    def __init__(self, owner: WorkerIdentity, *, hand_back: HandBack) -> None:
        self._owner = owner
        self._hand_back = hand_back
        self._labels: dict[UUID, RunLabel] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run_loop, name="flows", daemon=True)
        self._engines: dict[UUID, tuple[InProcessEngine, asyncio.Task[None]]] = {}
        self._opened: Future[contextvars.Context] = Future()
        self._closing = asyncio.Event()
        self._closed: Future[None] | None = None
        self._stopped = False

    @property
    def running(self) -> frozenset[UUID]:
        """The runs in hand."""
        return frozenset(self._engines)

    async def __aenter__(self) -> Self:
        use_no_result_storage()
        self._thread.start()
        self._closed = asyncio.run_coroutine_threadsafe(self._host(), self._loop)
        await asyncio.wrap_future(self._opened)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._loop.call_soon_threadsafe(self._closing.set)
        try:
            if self._closed is not None:
                await asyncio.wrap_future(self._closed)
        finally:
            self._stopped = True
            self._loop.call_soon_threadsafe(self._loop.stop)
            await asyncio.to_thread(self._thread.join)
            self._loop.close()

    async def execute(self, flow_run: FlowRun, flow: Flow[..., Any]) -> None:
        """Execute the run; returns when this process has nothing more to do for it, whatever its state is then.

        Raises only what keeps a run from starting, like parameters that the flow does not take.
        """
        # Without the shield, the end of the caller would look like a crash of the run: see `interrupt`.
        await asyncio.shield(self._there(self._execute(flow_run, flow)))

    async def interrupt(
        self, flow_run_ids: frozenset[UUID], why: StopReason, *, seconds: float
    ) -> frozenset[UUID]:
        """Stop runs, with their reason; returns those that have not ended in time."""
        return await self._there(self._interrupt(flow_run_ids, why, seconds))

    async def lag(self) -> float:
        """Seconds until the thread turned to something new: many runs that compute take turns in it."""
        began = time.monotonic()
        await self._there(asyncio.sleep(0))
        return time.monotonic() - began

    def suspend(self, flow_run_id: UUID, state: State) -> None:
        """Let a run that was suspended from outside stop before its next step."""
        mark_flow_run_suspension_requested(flow_run_id, state)

    def _there(self, coroutine: Coroutine[Any, Any, R]) -> asyncio.Future[R]:
        return asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, self._loop))

    def _run_loop(self) -> None:
        asyncio.set_event_loop(self._loop)
        while not self._stopped:
            # A flow that raises one of these in a task must not end the loop of all the others.
            with suppress(SystemExit, KeyboardInterrupt):
                self._loop.run_forever()

    async def _host(self) -> None:
        """Hold open what all runs share."""
        try:
            async with RunClient(owner=str(self._owner), labels=self._labels).context(), _runtime():
                self._opened.set_result(contextvars.copy_context())
                await self._send_heartbeats()
                await self._end_leftovers()
        except BaseException as exc:
            if self._opened.done():
                raise
            self._opened.set_exception(exc)

    async def _send_heartbeats(self) -> None:
        """For all runs, until the thread is closed."""
        seconds = get_current_settings().flows.heartbeat_frequency
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._closing.wait()
                return
            for engine, _ in list(self._engines.values()):
                engine.heartbeat()

    async def _end_leftovers(self) -> None:
        """End the tasks of runs that could not be interrupted, so that the loop closes without any."""
        tasks = [task for _, task in self._engines.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=1)

    async def _execute(self, flow_run: FlowRun, flow: Flow[..., Any]) -> None:
        engine = InProcessEngine(
            flow=flow, parameters=parameters(flow, flow_run), flow_run=flow_run, hand_back=self._hand_back
        )
        label = self._labels[flow_run.id] = label_of(flow_run, flow.name)
        flow_run.name = label.name  # from which the engine takes it for the log
        context = self._opened.result().copy()
        context.run(LANE.set, flow_run.work_queue_name)
        task = self._loop.create_task(_guarded(engine), name=f"flow run {flow_run.id}", context=context)
        self._engines[flow_run.id] = (engine, task)
        try:
            await asyncio.wait([task])
            _report(engine, task)
        finally:
            del self._engines[flow_run.id], self._labels[flow_run.id]

    async def _interrupt(self, ids: frozenset[UUID], why: StopReason, seconds: float) -> frozenset[UUID]:
        tasks: dict[asyncio.Task[None], UUID] = {}
        for flow_run_id in ids & self.running:
            engine, task = self._engines[flow_run_id]
            engine.interruption = why
            task.cancel()
            tasks[task] = flow_run_id
        if not tasks:
            return frozenset()
        _, pending = await asyncio.wait(tasks, timeout=seconds)
        return frozenset(tasks[task] for task in pending)


async def _guarded(engine: InProcessEngine) -> None:
    """Execute, keeping to this run what would end the whole process."""
    try:
        await engine.execute()
    except (SystemExit, KeyboardInterrupt) as exc:
        raise RuntimeError(f"the flow raised {type(exc).__name__}") from exc


def _report(engine: InProcessEngine, task: asyncio.Task[None]) -> None:
    """Log what the engine has left to its caller; states are set by now."""
    if task.cancelled() or engine.flow_run is None:
        return
    logger = flow_run_logger(engine.flow_run, engine.flow)
    match task.exception():
        case None:
            pass
        case Pause():
            logger.info("The run is suspended: it holds no resources of the worker until it is resumed.")
        case Abort() as exc:
            logger.info("The server stopped the run: %s", exc)
        case BaseException() as exc if (state := engine.flow_run.state) is None or not state.is_final():
            logger.error("The run ended with an error of the engine: %r", exc, exc_info=exc)
        case _:
            pass  # The engine has logged it with the final state.


@asynccontextmanager
async def _runtime() -> AsyncGenerator[None, None]:
    """What the flows share for the life of the worker, if they have such a thing."""
    if importlib.util.find_spec("flows.runtime") is None:
        yield
        return
    module = importlib.import_module("flows.runtime")
    opened = cast("AbstractAsyncContextManager[Any]", module.runtime())
    async with opened:
        yield
