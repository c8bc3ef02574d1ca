"""Any sandbox -> the same, with so many agents at once and no more; the others wait for a slot.

A burst of runs would otherwise start hundreds of interpreters side by side, each with its time limit running. The wait
is before the jail and does not count towards any limit.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from agents.sandbox.port import AgentRequest, AgentResult, LogLine, Sandbox, SandboxReport
from reliability.turns import LANE, Turns

PER_CPU = 8
"""Most agents wait for a model, a repository or a scanner more than they compute."""


def default_concurrency() -> int:
    """Agents at once by default."""
    return PER_CPU * (os.cpu_count() or 1)


@dataclass(frozen=True, kw_only=True)
class Share:
    """What one project gets of the slots."""

    project_id: int
    weight: int = 1
    """Where several wait, the next slot goes to the one that has least for its weight."""
    at_most: int | None = None
    """Slots that it holds at a time; None: all."""


_EVERYBODY = Share(project_id=0)


class Throttle:
    """The sandbox port; first come, first served within a project, and projects in turn."""

    def __init__(self, sandbox: Sandbox, *, at_once: int) -> None:
        if at_once < 1:
            raise ValueError(f"{at_once} agents at once would never run any: allow at least 1")
        self._sandbox = sandbox
        self._slots = Turns(at_once)

    def share(self, share: Share) -> Sandbox:
        """The same sandbox with the same slots, as one project gets it."""
        return _OfProject(self, share)

    async def run(self, request: AgentRequest, *, on_log: Callable[[LogLine], None]) -> AgentResult:
        """Execute one action as soon as a slot is free."""
        return await self.run_for(_EVERYBODY, request, on_log=on_log)

    async def run_for(
        self, share: Share, request: AgentRequest, *, on_log: Callable[[LogLine], None]
    ) -> AgentResult:
        """The same for a project."""
        async with self._slots.turn(share.project_id, weight=share.weight, at_most=share.at_most):
            # What the agent leaves is looked at in its project's turn.
            if LANE.get() is None:
                LANE.set(share.project_id)
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


class _OfProject:
    def __init__(self, throttle: Throttle, share: Share) -> None:
        self._throttle = throttle
        self._share = share

    async def run(self, request: AgentRequest, *, on_log: Callable[[LogLine], None]) -> AgentResult:
        return await self._throttle.run_for(self._share, request, on_log=on_log)

    async def describe(self, entry_path: str, *, environment: Path | None = None) -> AgentResult:
        return await self._throttle.describe(entry_path, environment=environment)

    async def check(self) -> SandboxReport:
        return await self._throttle.check()

    async def close(self) -> None:
        """Not his to close: others have it, too."""
