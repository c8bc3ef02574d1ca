"""The one step that all contenders run: `python3 -I -c 'print("{}")'`, as it is or in the platform's default jail.

A third kind is a real agent, written with the SDK, in that jail.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from agents.sandbox.bubblewrap.sandbox import BubblewrapSandbox
from agents.sandbox.port import AgentRequest, AgentResult, LogLine, SandboxReport

StepKind = Literal["unjailed", "jailed", "agent"]
AGENT = Path(__file__).with_name("agent")
_IN_JAIL = "/agent/step.py"
"""What the jail runs instead of the SDK's runner: a line that prints `{}`, and the result file."""


class BareStep:
    """The sandbox port with the bare step in it. For measuring only: unjailed, it protects from nothing.

    With a real agent, `warm` jails are started ahead, as the platform's worker does by default.
    """

    def __init__(self, kind: StepKind, *, warm: int = 0) -> None:
        self.kind = kind
        self._jail = BubblewrapSandbox(warm=warm) if kind == "agent" else BubblewrapSandbox(runner=_IN_JAIL)

    async def run(self, request: AgentRequest, *, on_log: Callable[[LogLine], None]) -> AgentResult:
        """Whatever is asked for, the step is run."""
        if self.kind != "unjailed":
            return await self._jail.run(request, on_log=on_log)
        began = time.monotonic()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-c", 'print("{}")', stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate()
        assert process.returncode == 0
        return AgentResult(output=json.loads(output), duration_ms=round((time.monotonic() - began) * 1000))

    async def describe(self, entry_path: str) -> AgentResult:
        """As the default sandbox."""
        return await BubblewrapSandbox().describe(entry_path)

    async def check(self) -> SandboxReport:
        """As the default sandbox."""
        return await self._jail.check()

    async def close(self) -> None:
        """As the default sandbox."""
        await self._jail.close()

    async def step(self) -> dict[str, Any]:
        """The step by itself: what it gave, and the Unix time at which it was started."""
        began = time.time()
        request = AgentRequest(
            run_id="bench", node_id="step", entry_path=str(AGENT), action="step", inputs={}, result_schema={}
        )
        result = await self.run(request, on_log=lambda line: None)
        assert result.ok, result.failure
        return {"output": result.output, "began": began}
