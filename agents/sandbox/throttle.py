"""Any sandbox -> the same, with so many agents at once and no more; the others wait for a slot.

A burst of runs would otherwise start hundreds of interpreters side by side, each with its time limit running. The wait
is before the jail and does not count towards any limit.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

from agents.sandbox.port import AgentRequest, AgentResult, LogLine, Sandbox, SandboxReport

PER_CPU = 8
"""Most agents wait for a model, a repository or a scanner more than they compute."""


def default_concurrency() -> int:
    """Agents at once by default."""
    return PER_CPU * (os.cpu_count() or 1)


class Throttle:
    """The sandbox port; first come, first served."""

    def __init__(self, sandbox: Sandbox, *, at_once: int) -> None:
        if at_once < 1:
            raise ValueError(f"{at_once} agents at once would never run any: allow at least 1")
        self._sandbox = sandbox
        self._free = asyncio.Semaphore(at_once)

    async def run(self, request: AgentRequest, *, on_log: Callable[[LogLine], None]) -> AgentResult:
        """Execute one action as soon as a slot is free."""
        async with self._free:
            return await self._sandbox.run(request, on_log=on_log)

    async def describe(self, entry_path: str, *, environment: Path | None = None) -> AgentResult:
        """As the sandbox."""
        return await self._sandbox.describe(entry_path, environment=environment)

    async def check(self) -> SandboxReport:
        """As the sandbox."""
        return await self._sandbox.check()

    async def close(self) -> None:
        """As the sandbox."""
        await self._sandbox.close()
