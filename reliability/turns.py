"""Work of several projects that meets in one place -> so much of it at a time, each project in its turn.

First come, first served lets four hundred requests of one project go before the one of another.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass

LANE: ContextVar[object] = ContextVar("lane", default=None)
"""For which project the current task works; None: for all. `asyncio.to_thread` and new tasks take it along."""


class LaneOrder:
    """Whose turn is next: who holds least for its weight; among equals, who had a turn longest ago. Takes no lock."""

    def __init__(self) -> None:
        self.held: Counter[object] = Counter()
        self._turns = 0
        self._last: dict[object, int] = {}
        """The number of each lane's last turn."""

    def take(self, waiting: Mapping[object, int]) -> object:
        """Of the lanes that wait, with their weights, the next; it holds one place more. At least one waits."""
        lane = min(waiting, key=lambda each: (self.held[each] / waiting[each], self._last.get(each, 0)))
        self._turns += 1
        self._last[lane] = self._turns
        self.held[lane] += 1
        return lane

    def give_back(self, lane: object) -> None:
        """The lane holds one place less."""
        self.held[lane] -= 1
        if not self.held[lane]:
            del self.held[lane]


@dataclass(frozen=True)
class _Waiting:
    weight: int
    at_most: int | None
    turn: asyncio.Future[None]


class Turns:
    """Places, and those who wait for one. Belongs to one event loop."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._order = LaneOrder()
        self._waiting: dict[object, deque[_Waiting]] = {}

    @asynccontextmanager
    async def turn(self, lane: object, *, weight: int = 1, at_most: int | None = None) -> AsyncGenerator[None]:
        """Hold a place. `at_most`: places that the lane holds at a time; None: all."""
        await self._take(lane, weight, at_most)
        try:
            yield
        finally:
            self._give_back(lane)

    async def _take(self, lane: object, weight: int, at_most: int | None) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(lane, deque()).append(_Waiting(weight, at_most, turn))
        self._hand_out()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._give_back(lane)  # it came together with the cancellation
            raise

    def _give_back(self, lane: object) -> None:
        self._free += 1
        self._order.give_back(lane)
        self._hand_out()

    def _hand_out(self) -> None:
        while self._free:
            ready = {lane: first for lane in list(self._waiting) if (first := self._first(lane)) is not None}
            if not ready:
                return
            lane = self._order.take({lane: first.weight for lane, first in ready.items()})
            self._waiting[lane].popleft()
            self._free -= 1
            ready[lane].turn.set_result(None)

    def _first(self, lane: object) -> _Waiting | None:
        """The first of the lane that still waits, where the lane may hold one place more."""
        queue = self._waiting[lane]
        while queue and queue[0].turn.done():
            queue.popleft()
        if not queue:
            del self._waiting[lane]
            return None
        limit = queue[0].at_most
        return queue[0] if limit is None or self._order.held[lane] < limit else None
