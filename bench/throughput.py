"""`python bench/throughput.py`: small runs without a pause; writes docs/reports/scale.md and bench/throughput.json.

Each run has one node in the default jail. What is measured: runs a second, hundred by hundred, and the CPU seconds of
each part of the platform for a run. From the latter follows, by mean value analysis, what more workers and more servers
would carry if each had a core of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
from contenders.processes import own_and_ended
from scale.platform import Up, until_ended
from scale.scale_page import scale_page

from deployments.stack.connection import StackConnection, connect_to

RESULTS = Path(__file__).with_name("throughput.json")
REPORT = Path(__file__).parents[1] / "docs" / "reports" / "scale.md"
_WARM_UP = 5
_STEP = 100
_PARTS = {
    "deployments.prefect_server": "Prefect's server",
    "deployments.worker": "the worker",
    "triggers": "the listener",
    "nats-server": "NATS",
}


async def measure(folder: Path, *, runs: int) -> dict[str, Any]:
    """Seconds, runs a second of each hundred, CPU milliseconds of each part for one run."""
    up = Up(folder)
    try:
        await up.start()
        await up.deploy()
        async with connect_to(up.addresses) as connection:
            await up.publish("small", range(-_WARM_UP, 0))
            await _when_ended(connection, _WARM_UP)
            before, began = _cpu(up.pids), time.monotonic()
            await up.publish("small", range(runs))
            marks = [
                await _when_ended(connection, _WARM_UP + ended) - began for ended in range(_STEP, runs + 1, _STEP)
            ]
            ended = await until_ended(connection.records, _WARM_UP + runs, look_every=0.5)
            seconds = time.monotonic() - began
            spent = {part: value - before[part] for part, value in _cpu(up.pids).items()}
            states = Counter(each.status for each in ended)
    finally:
        await up.stop()
    return {
        "runs": runs,
        "cores": os.cpu_count(),
        "ended": dict(states),
        "seconds": round(seconds, 1),
        "runs_per_second": round(runs / seconds, 2),
        "each_hundred": [
            round(_STEP / max(mark - earlier, 0.5), 2) for earlier, mark in itertools.pairwise([0.0, *marks])
        ],
        "cpu_ms_per_run": {part: round(1000 * value / runs, 1) for part, value in sorted(spent.items())},
    }


async def _when_ended(connection: StackConnection, count: int) -> float:
    await until_ended(connection.records, count, look_every=0.5)
    return time.monotonic()


def _cpu(pids: list[int]) -> Counter[str]:
    """CPU seconds so far of each part; agents are not in it: they end out of sight."""
    found: Counter[str] = Counter()
    for pid in pids:
        words = psutil.Process(pid).cmdline()
        part = next((name for key, name in _PARTS.items() if any(key in word for word in words)), None)
        if part is not None:
            found[part] += own_and_ended(pid)[0]
    return found


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1_000)
    parser.add_argument("--print", action="store_true", help="print the figures, and write nothing")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        found = asyncio.run(measure(Path(folder), runs=options.runs))
    print(json.dumps(found, indent=1))
    if not options.print:
        RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        REPORT.write_text(scale_page(found), encoding="utf-8")


if __name__ == "__main__":
    main()
