"""Work of several projects that meets in one place -> so much of it at a time, each project in its turn.

First come, first served lets four hundred requests of one project go before the one of another.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from contextvars import ContextVar

LANE: ContextVar[object] = ContextVar("lane", default=None)
"""For which project the current task works; None: for all. `asyncio.to_thread` and new tasks take it along."""


class Turns:
    """Places, and those who wait for one. Belongs to one event loop."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._held: Counter[object] = Counter()
        self._turns = 0
        self._last: dict[object, int] = {}
        """The number of each lane's last turn."""
        self._waiting: dict[object, deque[asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def turn(self, lane: object) -> AsyncGenerator[None]:
        """Hold a place. The next is of who holds least; among equals, of who had a turn longest ago."""
        await self._take(lane)
        try:
            yield
        finally:
            self._give_back(lane)

    async def _take(self, lane: object) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(lane, deque()).append(turn)
        self._hand_out()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._give_back(lane)  # it came together with the cancellation
            raise

    def _give_back(self, lane: object) -> None:
        self._free += 1
        self._held[lane] -= 1
        if not self._held[lane]:
            del self._held[lane]
        self._hand_out()

    def _hand_out(self) -> None:
        while self._free and self._waiting:
            lane = min(self._waiting, key=lambda each: (self._held[each], self._last.get(each, 0)))
            queue = self._waiting[lane]
            turn = queue.popleft()
            if not queue:
                del self._waiting[lane]
            if turn.done():
                continue  # who waited has left
            self._turns += 1
            self._last[lane] = self._turns
            self._free -= 1
            self._held[lane] += 1
            turn.set_result(None)
