"""Messages handled side by side -> those that start the same workflow start it in the order in which they arrived."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Generator, Iterable
from contextlib import contextmanager

log = logging.getLogger(__name__)

WAIT_LIMIT_SECONDS = 20.0
"""How long one waits for those before it: a message that hangs must not hold up a workflow for ever."""


class Arrival:
    """One message that is being handled."""

    def __init__(self, earlier: tuple[Arrival, ...]) -> None:
        self._earlier = earlier
        self._routed = asyncio.Event()
        self._past: dict[str, asyncio.Event] = {}

    def route(self, workflows: Iterable[str]) -> None:
        """Say what the message starts; nothing is an answer, too."""
        self._past = {workflow: asyncio.Event() for workflow in workflows}
        self._routed.set()

    async def turn(self, workflow: str) -> None:
        """Wait until all that arrived before have started the workflow, or turn out not to."""
        try:
            async with asyncio.timeout(WAIT_LIMIT_SECONDS):
                for each in self._earlier:
                    await each.wait_past(workflow)
        except TimeoutError:
            log.warning("A run of %r starts before one of an earlier event, which takes too long", workflow)

    async def wait_past(self, workflow: str) -> None:
        """Wait until this message starts that workflow no more."""
        await self._routed.wait()
        if (past := self._past.get(workflow)) is not None:
            await past.wait()

    def past(self, workflow: str) -> None:
        """The workflow was started, or cannot be now."""
        self._past[workflow].set()

    def end(self) -> None:
        """Let go of everybody who waits, whatever became of the message."""
        self._earlier = ()
        self._routed.set()
        for past in self._past.values():
            past.set()


class ArrivalOrder:
    """The messages that are being handled now, in the order in which they came."""

    def __init__(self) -> None:
        self._going: list[Arrival] = []

    @contextmanager
    def arrive(self) -> Generator[Arrival]:
        """Take a place behind those that are being handled, until the message is done with."""
        arrival = Arrival(tuple(self._going))
        self._going.append(arrival)
        try:
            yield arrival
        finally:
            self._going.remove(arrival)
            arrival.end()
