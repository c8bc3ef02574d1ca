"""`make bench`: what a run costs here and elsewhere; writes docs/reports/benchmarks.md and bench/results.json.

All contenders run in turn, on this machine, with the same step; nothing else should run meanwhile. Those on Prefect's
process worker poll for seconds and take most of the time (half an hour): `--quick` leaves them out.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from contenders.child_app import ChildApp
from contenders.contender import Contender
from contenders.figures import Costs, Figures, write
from contenders.handwritten import HandWritten
from contenders.platform import Platform
from contenders.processes import Peak, cpu_seconds, own_and_ended
from contenders.step import StepKind
from contenders.temporal import Temporal

AT_ONCE = 10
PAUSE_SECONDS = (1.5, 2.6)
"""Least and most before each run by itself, for every contender: events come now and then, and what is done
ahead is done in between. Not always the same, so as to meet no beat of a contender's own: Prefect's stream of events,
for one, does not look for a tenth of a second in every 1.1.
"""
RESULTS = Path(__file__).with_name("results.json")
REPORT = Path(__file__).parents[1] / "docs" / "reports" / "benchmarks.md"
Open = Callable[[Path, StepKind], Contender]
QUICK: dict[str, Open] = {
    "bare": lambda folder, step: ChildApp("bare processes", "contenders.bare_app", folder, step=step),
    "platform": lambda folder, step: Platform(folder, step=step, worker="commandcenter"),
    "dbos": lambda folder, step: ChildApp("DBOS", "contenders.dbos_app", folder, step=step),
    "temporal": lambda folder, step: Temporal(folder, step=step),
}
SLOW: dict[str, Open] = {
    "platform-process": lambda folder, step: Platform(folder, step=step, worker="process"),
    "handwritten": lambda folder, step: HandWritten(folder, step=step),
}

RUNS_AGENTS = {"bare", "platform"}
"""Who can be measured with a real agent as the step."""


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, help="measurements of each figure, after one to warm up")
    parser.add_argument("--quick", action="store_true", help="without Prefect's process worker")
    parser.add_argument("--only", help="contenders, with commas; prints, and writes nothing")
    parser.add_argument("--steps", default="unjailed,jailed,agent")
    options = parser.parse_args()
    chosen = QUICK if options.quick else QUICK | SLOW
    if options.only:
        chosen = {name: (QUICK | SLOW)[name] for name in options.only.split(",")}
    figures = asyncio.run(measure_all(chosen, options.steps.split(","), options.runs))
    if not options.only:
        costs = asyncio.run(measure_costs(options.runs))
        write(figures, costs, runs=options.runs, at_once=AT_ONCE, results=RESULTS, report=REPORT)


async def measure_all(chosen: dict[str, Open], steps: list[Any], runs: int) -> list[Figures]:
    """Every contender with every step; one that is not here is left out, with the reason on record."""
    figures: list[Figures] = []
    for step in steps:
        for key, make in chosen.items():
            if step == "agent" and key not in RUNS_AGENTS:
                continue
            if reason := _missing(key):
                found = Figures(contender=key.capitalize(), step=step, missing=reason)
            else:
                with tempfile.TemporaryDirectory(prefix="bench-") as name:
                    os.chmod(name, 0o755)  # noqa: PTH101
                    async with make(Path(name), step) as contender:
                        found = await measure(contender, step, runs)
            print(json.dumps(found.as_json()), flush=True)
            figures.append(found)
    return figures


async def measure_costs(runs: int) -> Costs:
    """What Prefect's server is asked for one run, and where the CPU seconds of ten at once go."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        platform = Platform(Path(name), step="unjailed", worker="commandcenter", log_requests=True)
        async with platform:
            for shape in ("w1", "w5"):
                await platform.run(shape)
            requests = {shape: await platform.requests(shape) for shape in ("w1", "w5")}
            parts = [await _cpu_by_part(platform) for _ in range(runs + 1)][1:]
    return Costs(requests=requests, cpu={part: [each[part] for each in parts] for part in parts[0]})


async def _cpu_by_part(platform: Platform) -> dict[str, float]:
    before = {part: own_and_ended(pid) for part, pid in platform.parts.items()}
    await platform.run("w5", AT_ONCE)
    after = {part: own_and_ended(pid) for part, pid in platform.parts.items()}
    spent = {part: own - before[part][0] for part, (own, _) in after.items()}
    return spent | {"agents": after["worker"][1] - before["worker"][1]}


async def measure(contender: Contender, step: str, runs: int) -> Figures:
    """All figures of one contender."""
    w1 = await _repeated(lambda: contender.run("w1"), runs)
    w5 = await _repeated(lambda: contender.run("w5"), runs)
    together: list[float] = []
    cpu: list[float] = []
    async with Peak(contender.pids) as peak:
        for _ in range(runs):
            before = cpu_seconds(contender.pids())
            together.append(await contender.run("w5", AT_ONCE))
            cpu.append(cpu_seconds(contender.pids()) - before)
    resumes = await _repeated(contender.resume, runs)
    return Figures(
        contender=contender.name,
        step=step,
        w1=w1,
        w5=w5,
        c10=together,
        c10_cpu=statistics.median(cpu),
        c10_peak_mb=peak.megabytes,
        resume=resumes,
    )


async def _repeated(measured: Callable[[], Awaitable[float | None]], runs: int) -> list[float]:
    if await measured() is None:
        return []
    found: list[float] = []
    for _ in range(runs):
        await asyncio.sleep(random.uniform(*PAUSE_SECONDS))
        if (seconds := await measured()) is not None:
            found.append(seconds)
    return found


def _missing(key: str) -> str:
    if key == "temporal" and (reason := Temporal.missing()):
        return reason
    if key in ("dbos", "temporal"):
        try:
            __import__({"dbos": "dbos", "temporal": "temporalio"}[key])
        except ImportError as exc:
            return str(exc)
    return ""


if __name__ == "__main__":
    sys.exit(main())
