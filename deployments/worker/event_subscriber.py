"""Prefect's event stream → calls, for what a worker must hear of at once.

The events are hints, emitted before the state is committed and lost while the connection is: whoever is called
looks at the server for the facts, and polls as well.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from uuid import UUID

from prefect.events.clients import get_events_subscriber
from prefect.events.filters import EventAnyResourceFilter, EventFilter, EventNameFilter

from reliability.cancellation import cancelled

PREFIX = "prefect.flow-run."
READY = frozenset({"Scheduled", "AwaitingRetry", "Resuming", "Late"})
"""Names of states in which a run waits for a worker."""
NAMES = frozenset({*READY, "Cancelling", "Suspended"})

RECONNECT_SECONDS = 1.0

_logger = logging.getLogger("prefect.worker.wakeup")


class EventSubscriber:
    """One connection for all runs of a work pool; `connected` says whether it stands now.

    Calls with the name of the new state, the run's id, the state's id and the name of the run's queue; after a
    reconnection also with what happened in the last minute.
    """

    def __init__(self, work_pool_id: UUID, call: Callable[[str, UUID, UUID, str | None], Awaitable[None]]) -> None:
        self.connected = False
        self._work_pool_id = work_pool_id
        self._call = call

    async def listen(self) -> None:
        """Listen for ever; connects again whenever the connection is lost."""
        while not cancelled():
            try:
                await self._listen_once()
            except Exception as exc:
                _logger.debug("the event stream is gone: %r", exc)
            self.connected = False
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _listen_once(self) -> None:
        events = EventFilter(
            event=EventNameFilter(name=[PREFIX + name for name in sorted(NAMES)]),
            any_resource=EventAnyResourceFilter(id=[f"prefect.work-pool.{self._work_pool_id}"]),
        )
        async with get_events_subscriber(filter=events, reconnection_attempts=0) as subscriber:
            self.connected = True
            async for event in subscriber:
                name = event.event.removeprefix(PREFIX)
                flow_run_id = UUID(event.resource.id.removeprefix(PREFIX))
                # The server gives the event the id of the state.
                queue = next((each.name for each in event.related if each.role == "work-queue"), None)
                await self._call(name, flow_run_id, event.id, queue)
