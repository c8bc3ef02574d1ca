"""What one of each part was measured to carry -> a page, with what more of them would."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scale.queueing import Load, Station, load

PLACES = 20
"""Runs that each worker has in hand in the computation."""
WORKERS = (1, 10, 100, 1_000)
SERVERS = (1, 2, 4, 16)
_ORDER = ("Prefect's server", "the worker", "the listener", "NATS")
_AGENT_SECONDS = (0.1, 10.0)


def scale_page(found: Mapping[str, Any]) -> str:
    """The page."""
    cpu: dict[str, float] = found["cpu_ms_per_run"]
    spent = [f"| {part} | {cpu[part]:.0f} |" for part in _ORDER if part in cpu]
    hundreds = found["each_hundred"]
    lines = [
        _HEAD.format(runs=found["runs"], cores=found["cores"]),
        f"{found['runs']} runs ended in {found['seconds']} s: **{found['runs_per_second']} a second**. "
        f"The slowest hundred had {min(hundreds, default=0)} a second, the fastest {max(hundreds, default=0)}.\n",
        "| part | CPU ms for a run |",
        "|---|---|",
        *spent,
        f"| in all, without the agents | {sum(cpu.values()):.0f} |",
        "",
        _BOUND.format(
            first=_ORDER[0], server=1_000 / cpu[_ORDER[0]], worker=1_000 / cpu[_ORDER[1]], places=PLACES
        ),
    ]
    for seconds in _AGENT_SECONDS:
        lines += [f"Agents of {seconds:g} seconds:\n", *_table(cpu, seconds), ""]
    part = max(cpu, key=lambda each: cpu[each])
    return "\n".join([*lines, _NEXT.format(part=part, share=100 * cpu[part] / sum(cpu.values()))])


def _table(cpu: Mapping[str, float], agent_seconds: float) -> list[str]:
    return [
        "| workers | " + " | ".join(f"{each} server{'s' if each > 1 else ''}" for each in SERVERS) + " |",
        "|---" * (len(SERVERS) + 1) + "|",
        *(
            f"| {workers} | "
            + " | ".join(_cell(carried(cpu, workers, servers, agent_seconds)) for servers in SERVERS)
            + " |"
            for workers in WORKERS
        ),
    ]


def carried(cpu: Mapping[str, float], workers: int, servers: int, agent_seconds: float) -> Load:
    """Of so many workers and servers, with a listener for each server and a core for each process."""
    processes = {_ORDER[0]: servers, _ORDER[1]: workers, _ORDER[2]: servers}
    stations = [
        Station(name=part, demand=cpu[part] / 1_000, processes=processes.get(part, 1))
        for part in _ORDER
        if part in cpu
    ]
    return load(stations, in_hand=workers * PLACES, delay=agent_seconds)


def _cell(found: Load) -> str:
    part, busy = max(found.busy.items(), key=lambda each: each[1])
    where = part.removeprefix("the ") if busy > 0.9 else "agents"
    return f"{found.throughput:.0f} ({where})" if found.throughput >= 10 else f"{found.throughput:.1f} ({where})"


_HEAD = """\
# What it carries

Made by `python bench/throughput.py`; the figures are in [`bench/throughput.json`](../../bench/throughput.json).
`commandcenter up` with SQLite, {cores} cores for everything, and {runs} events published at once; each starts a run of
one node in the default jail. A run is over when its end is on record. Prefect's UI has each run, task run, log and
artifact.
"""
_BOUND = """\
## What more of each part would carry

Computed, not measured. {first} is one process, and so is a worker: one of each carries at most {server:.0f} and
{worker:.0f} runs a second, if each has a core of its own. Mean value analysis of a closed network takes the figures
above for service times; each worker has {places} runs in hand, each part's processes share its work evenly, and
there is a listener for each server. In brackets: what is full. A database that all servers share is not in it: measure
yours.
"""
_NEXT = """\
## The next bottleneck

Of the CPU time of a run, {part} takes {share:.0f} %. Several of Prefect's servers behind one address need PostgreSQL
and, for their events, Redis (`prefect-redis`), as Prefect says; workers find all they need by `commandcenter env`. With
agents that take seconds, the number of workers decides.
"""
