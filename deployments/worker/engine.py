"""One flow run → its end, as one of many in this process.

Prefect's asynchronous engine assumes that it has a process for itself: it watches for suspension and sends
heartbeats from threads of its own, blocks its event loop while they come and go, and takes any cancellation for a
crash. Here the worker does both for all runs together, and says why it cancels.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from anyio import CancelScope
from prefect._flow_run_suspension import FlowRunSuspensionRequest, register_flow_run_suspension_request
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun, State
from prefect.flow_engine import AsyncFlowRunEngine
from prefect.flows import Flow
from prefect.utilities.callables import get_call_parameters, parameters_to_args_kwargs

StopReason = Literal["cancelled", "handed back"]
"""Why the worker stops a run: someone cancelled it, or the worker itself ends."""


@dataclass
class InProcessEngine(AsyncFlowRunEngine[Any, Any]):
    """Executes one run on the loop of all runs."""

    interruption: StopReason | None = field(default=None, init=False)
    hand_back: Callable[[PrefectClient, FlowRun], Awaitable[State]] | None = None
    """Puts a run that the worker gives up back into the queue; its new state."""

    @property
    def heartbeat_seconds(self) -> int | None:
        """None: no thread for heartbeats."""
        return None

    @contextmanager
    def setup_flow_run_suspension_request(self) -> Generator[FlowRunSuspensionRequest, None, None]:
        """Let the worker ask for suspension; it hears of it for all runs on one connection."""
        if self.flow_run is None:
            raise ValueError("the engine has no flow run")
        request = self._get_flow_run_suspension_request()
        with register_flow_run_suspension_request(self.flow_run.id, request):
            request.raise_if_requested()
            yield request

    async def handle_crash(self, exc: BaseException) -> None:
        """Record how the run was interrupted; without a reason from the worker it is a crash."""
        if self.interruption == "cancelled":
            await self.handle_cancellation(exc)
        elif self.interruption == "handed back" and self.hand_back and self.flow_run:
            with CancelScope(shield=True):
                self.flow_run.state = await self.hand_back(self.client, self.flow_run)
        else:
            await super().handle_crash(exc)

    async def execute(self) -> None:
        """Run the flow to its end; raises `Pause` when it suspends, `CancelledError` when it is interrupted."""
        async with self.start():
            while self.is_running():
                async with self.run_context():
                    await self.call_flow_fn()

    def heartbeat(self) -> None:
        """Tell the server that the run is alive."""
        self._emit_flow_run_heartbeat()


def parameters(flow: Flow[..., Any], flow_run: FlowRun) -> dict[str, Any]:
    """The run's parameters, completed with the defaults of the flow's function."""
    arguments, keywords = parameters_to_args_kwargs(flow.fn, flow_run.parameters)
    return get_call_parameters(flow.fn, arguments, keywords)
