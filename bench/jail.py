"""What the jail costs: an agent that does nothing, bare and in the jail of each backend that is here.

`python bench/jail.py [RUNS]` prints a table: median and 95th percentile in milliseconds, and the ratio to the bare
start, all measured alternately in one process.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from agents.sandbox.bubblewrap.sandbox import BubblewrapSandbox
from agents.sandbox.choice import BACKENDS, open_sandbox
from agents.sandbox.port import AgentRequest, Sandbox

_AGENT = """
from pydantic import BaseModel
from agents.sdk import Agent, Context
agent = Agent(name="noop", type="SCRIPT", version="1", risk="AUTO")
class Nothing(BaseModel):
    pass
@agent.action("nothing")
def nothing(inputs: Nothing, context: Context) -> Nothing:
    return Nothing()
"""
_PARALLEL = 10
Measure = Callable[[], Awaitable[None]]


async def main() -> None:
    """Measure and print."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name) / "agent"
        folder.mkdir()
        for each in (folder.parent, folder):
            each.chmod(0o755)
        (folder / "agent.py").write_text(_AGENT)
        sandboxes = await _present()
        measures: dict[str, Measure] = {"python -c pass": _start_only, "bare agent": lambda: _bare(folder)}
        for backend, sandbox in sandboxes.items():
            measures[f"{backend}, one run"] = lambda sandbox=sandbox: _jailed(sandbox, folder)
        warm = BubblewrapSandbox(warm=2) if "bubblewrap" in sandboxes else None
        if warm is not None:
            measures["bubblewrap, warm"] = lambda: _jailed(warm, folder)
        times = await _alternate(measures, runs)
        _print(times)
        for backend, sandbox in sandboxes.items():
            started = time.perf_counter()
            await asyncio.gather(*(_jailed(sandbox, folder) for _ in range(_PARALLEL)))
            print(f"{backend}, {_PARALLEL} runs at once: {(time.perf_counter() - started) * 1000:.0f} ms in all")
            await sandbox.close()
        if warm is not None:
            await warm.close()


async def _present() -> dict[str, Sandbox]:
    found: dict[str, Sandbox] = {}
    for backend in BACKENDS:
        sandbox = open_sandbox(backend)
        report = await sandbox.check()
        if report.available:
            found[backend] = sandbox
        else:
            print(f"{backend}: not here: {report.detail}")
    return found


async def _alternate(measures: dict[str, Measure], runs: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in measures}
    for number in range(runs + 2):
        for name, measure in measures.items():
            started = time.perf_counter()
            await measure()
            if number >= 2:  # the first ones warm up
                times[name].append((time.perf_counter() - started) * 1000)
    return times


async def _start_only() -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-I", "-S", "-c", "pass")
    await process.wait()


async def _bare(folder: Path) -> None:
    request = {"mode": "execute", "entry_path": str(folder), "action": "nothing", "inputs": {}}
    # Beside the agent's folder: a changed folder is another agent.
    (folder.parent / "request.json").write_text(json.dumps(request))
    variables = {"COMMANDCENTER_REQUEST": "request.json", "COMMANDCENTER_RESULT": "result.json"}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-m",
        "agents.runtime.runner",
        env={**os.environ, **{name: str(folder.parent / file) for name, file in variables.items()}},
        stdout=subprocess.DEVNULL,
    )
    assert await process.wait() == 0


async def _jailed(sandbox: Sandbox, folder: Path) -> None:
    request = AgentRequest(
        run_id="bench", node_id="noop", entry_path=str(folder), action="nothing", inputs={}, result_schema={}
    )
    result = await sandbox.run(request, on_log=lambda line: None)
    assert result.ok, result.failure


def _print(times: dict[str, list[float]]) -> None:
    base = statistics.median(times["bare agent"])
    print(f"{'':24}{'median ms':>12}{'p95 ms':>10}{'ratio':>8}{'over bare, ms':>16}")
    for name, values in times.items():
        median = statistics.median(values)
        p95 = statistics.quantiles(values, n=20)[-1]
        print(f"{name:24}{median:12.1f}{p95:10.1f}{median / base:8.2f}{median - base:16.1f}")


if __name__ == "__main__":
    asyncio.run(main())
