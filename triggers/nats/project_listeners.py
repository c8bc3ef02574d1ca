"""Projects with publishers of their own -> a listener for each, so that the events of one wait for no other's."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field

from nats.aio.client import Client

from operations.errors import TransientTriggerError
from records.projects.limits import ProjectLimits
from reliability.cancellation import cancelled
from reliability.settings import EVENTS_AT_ONCE
from triggers.intake import Intake, answered
from triggers.nats.listener import Listener

log = logging.getLogger(__name__)

REFRESH_SECONDS = 5.0


@dataclass(kw_only=True)
class ProjectListeners:
    """Runs until it is cancelled; a project that gets its first publisher is listened to within the interval."""

    connection: Client
    intake: Intake
    at_once: int = EVENTS_AT_ONCE
    """Messages of each project that are worked on side by side."""
    refresh_seconds: float = REFRESH_SECONDS
    _listeners: dict[int, Listener] = field(default_factory=dict[int, Listener])

    async def run(self) -> None:
        """Listen to all of them."""
        async with asyncio.TaskGroup() as group:
            while not cancelled():
                try:
                    for limits in await answered(self.intake.inbox.event_projects()):
                        await self._listen(limits, group)
                except TransientTriggerError as exc:
                    log.warning("Projects with publishers are looked for again: %s", exc)
                await asyncio.sleep(self.refresh_seconds)

    def reconnected(self) -> None:
        """To be called when the connection came back."""
        for each in self._listeners.values():
            each.reconnected()

    async def _listen(self, limits: ProjectLimits, group: asyncio.TaskGroup) -> None:
        known = self._listeners.get(limits.project_id)
        if known is None:
            made = Listener(
                connection=self.connection,
                intake=self.intake,
                at_once=self.at_once,
                limits=limits,
            )
            self._listeners[limits.project_id] = made
            group.create_task(made.run(), name=f"listener of project {limits.project_id}")
        elif known.limits != limits:
            known.limits = limits
            try:
                await known.ensure()
            except TransientTriggerError as exc:
                log.warning("The limits of project %d are set again later: %s", limits.project_id, exc)
