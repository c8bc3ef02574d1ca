"""Runs that wait in the queues of several projects -> those that a worker takes next, each project in its turn.

A pool hands out its runs in the order in which they are due, so that four hundred runs of one project come before the
one of another. Each project has a queue of its own; where more waits than there are places, the queues are asked one by
one, and the place goes to the project that has least in hand for its weight.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import WorkQueue
from prefect.client.schemas.responses import WorkerFlowRunResponse

from deployments.worker.run_client import waiting_runs
from operations.project_queues import weight_of

REFRESH_SECONDS = 10.0
"""How long the queues of the pool are remembered."""
_PROJECT = re.compile(r"project-(\d+)")
WHEN_BUSY = max(2, os.cpu_count() or 1)
"""Runs that a project may have in hand while the worker or Prefect's server is slow to answer."""
_SHARES = 4
"""A project may always have that part of the places, however many others there are."""
_OTHERS = ""
"""Stands for all queues that are no project's."""


def is_of_a_project(queue: str | None) -> bool:
    """Whether the queue is that of one project."""
    return queue is not None and _PROJECT.fullmatch(queue) is not None


@dataclass
class FairShare:
    """Which queues a pool has, and who has how many runs in hand. Belongs to one worker."""

    client: PrefectClient
    pool: str
    _queues: dict[str, WorkQueue] = field(default_factory=dict[str, WorkQueue])
    _read_at: float = -REFRESH_SECONDS
    _last: dict[str, int] = field(default_factory=dict[str, int])

    async def waiting(
        self,
        *,
        queues: Iterable[str],
        free: int,
        claiming: int,
        places: int,
        in_hand: Mapping[UUID, str | None],
        busy: bool,
        before: datetime,
    ) -> list[WorkerFlowRunResponse]:
        """Runs to take now, at most `free` that are not being claimed. Raises ObjectNotFound: no such pool or queue.

        `queues`: those that the worker serves; none: all. `claiming`: runs that may still look as if they waited.
        `places`: how many the worker has in all. `in_hand`: the queue of each run that has one. `busy`: nobody gets
        more than `WHEN_BUSY`, so that who has less does not wait for what others have begun.
        """
        limit = free + claiming
        names = sorted(queues)
        groups = await self._groups(names)
        if busy:
            limit = min(limit, WHEN_BUSY + claiming)
        if len(groups) < 2:
            if busy and len(in_hand) >= WHEN_BUSY:
                return []
            return await waiting_runs(self.client, self.pool, queues=names, limit=limit, before=before)
        held = Counter(self._group_of(queue, groups) for queue in in_hand.values())
        most = WHEN_BUSY if busy else _most(places, sum(group != _OTHERS for group in groups))
        if all(held[group] + limit <= most for group in groups):
            found = await waiting_runs(self.client, self.pool, queues=names, limit=limit, before=before)
            if len(found) < limit:
                return found  # nobody waits for another
        # Who has all that they may have is not asked: it is their backlog that makes the answer slow.
        asked = {group: queues for group, queues in groups.items() if held[group] < most}
        found_by_group = await asyncio.gather(
            *(
                waiting_runs(self.client, self.pool, queues=each, limit=limit, before=before)
                for each in asked.values()
            )
        )
        return in_turn(
            dict(zip(asked, found_by_group, strict=True)),
            held=held,
            weights={group: self._weight(group) for group in groups},
            limit=limit,
            most=most,
            last=self._last,
        )

    async def _groups(self, names: Sequence[str]) -> dict[str, list[str]]:
        """The queues that are asked together: each project's alone, all others as one."""
        if time.monotonic() - self._read_at > REFRESH_SECONDS:
            self._queues = {
                each.name: each for each in await self.client.read_work_queues(work_pool_name=self.pool)
            }
            self._read_at = time.monotonic()
        groups: dict[str, list[str]] = {}
        for name in sorted(self._queues):
            if not names or name in names:
                groups.setdefault(name if is_of_a_project(name) else _OTHERS, []).append(name)
        return groups

    def _group_of(self, queue: str | None, groups: Mapping[str, object]) -> str:
        return queue if queue in groups and queue is not None else _OTHERS

    def _weight(self, group: str) -> int:
        return weight_of(self._queues[group]) if group in self._queues else 1


def in_turn(
    waiting: Mapping[str, Sequence[WorkerFlowRunResponse]],
    *,
    held: Mapping[str, int],
    weights: Mapping[str, int],
    limit: int,
    most: int,
    last: dict[str, int] | None = None,
) -> list[WorkerFlowRunResponse]:
    """Up to `limit` of the runs: the next is always of the project that has least for its weight, and under `most`.

    `last`: the number of each project's last turn, which is kept up to date; among equals, who waits longest is next.
    """
    turns = {} if last is None else last
    left = {group: list(runs) for group, runs in waiting.items()}
    has = {group: held.get(group, 0) for group in left}
    chosen: list[WorkerFlowRunResponse] = []
    while len(chosen) < limit:
        ready = [group for group, runs in left.items() if runs and has[group] < most]
        if not ready:
            break
        group = min(ready, key=lambda each: (has[each] / weights[each], turns.get(each, 0)))
        has[group] += 1
        turns[group] = max(turns.values(), default=0) + 1
        chosen.append(left[group].pop(0))
    return chosen


def _most(places: int, projects: int) -> int:
    """How many runs one project has in hand at most, where there are others: each of them is slower for each other."""
    return max(1, places // min(max(1, projects), _SHARES))
