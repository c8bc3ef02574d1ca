"""What people do in Prefect's UI to a run that this worker has in hand -> the run itself is ended or suspended."""

from __future__ import annotations

import asyncio
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import StateType
from prefect.states import Cancelled

from deployments.worker.flow_thread import FlowThread

CANCEL_SECONDS = 4.0
"""How long a cancelled run may take to end before its state is set over its head."""


class CancelSuspend:
    """Carries out what an event has announced, if Prefect says that it is so."""

    def __init__(self, client: PrefectClient, flows: FlowThread, *, worker: str) -> None:
        self._client = client
        self._flows = flows
        self._worker = worker

    async def cancel(self, flow_run_id: UUID) -> None:
        """End a run that is to be cancelled, and all that its agents have started."""
        if not await self._is_cancelling(flow_run_id):
            return
        await self._flows.interrupt(frozenset({flow_run_id}), "cancelled", seconds=CANCEL_SECONDS)
        # Not every end is the run's own: it may not have begun, or not listen.
        if await self._is_cancelling(flow_run_id, looks=1):
            cancelled = Cancelled(message=f"Cancelled by worker {self._worker!r}.")
            await self._client.set_flow_run_state(flow_run_id, cancelled, force=True)

    async def suspend(self, flow_run_id: UUID) -> None:
        """Have a run stop once its nodes at work have ended."""
        # Most runs suspend themselves and are gone in a moment.
        await asyncio.sleep(0.5)
        if flow_run_id in self._flows.running:
            run = await self._client.read_flow_run(flow_run_id)
            if run.state is not None and run.state.type == StateType.PAUSED and run.state.name == "Suspended":
                self._flows.suspend(flow_run_id, run.state)

    async def _is_cancelling(self, flow_run_id: UUID, *, looks: int = 3) -> bool:
        for look in range(looks):
            # The event is emitted before the state is committed.
            await asyncio.sleep(0.1 * look)
            run = await self._client.read_flow_run(flow_run_id)
            if run.state is not None and run.state.type == StateType.CANCELLING:
                return True
        return False
