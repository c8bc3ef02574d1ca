"""A loop that makes things converge: each hook is called again and again, and one that fails stops no other."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from reliability.cancellation import cancelled

log = logging.getLogger(__name__)

LONGEST_PAUSE = 60.0


@dataclass(frozen=True, kw_only=True)
class Hook:
    """Something to do again and again. It must be safe to do twice."""

    name: str
    run: Callable[[], Awaitable[object]]
    every_seconds: float = 2.0


class Reconciler:
    """Calls each hook at its own pace until it is cancelled."""

    def __init__(self, hooks: Sequence[Hook]) -> None:
        self._hooks = tuple(hooks)

    async def run(self) -> None:
        """Runs until cancelled."""
        async with asyncio.TaskGroup() as group:
            for hook in self._hooks:
                group.create_task(self._repeat(hook), name=f"reconcile {hook.name}")

    async def _repeat(self, hook: Hook) -> None:
        failures = 0
        while not cancelled():
            try:
                await hook.run()
                failures = 0
            except Exception:
                failures += 1
                # The first failure with its traceback; a part that stays away must not flood the log.
                log.warning("Reconciling %s failed (%d in a row)", hook.name, failures, exc_info=failures == 1)
            pause = min(LONGEST_PAUSE, hook.every_seconds * 2 ** min(failures, 6))
            await asyncio.sleep(pause)
