"""What was measured -> a page for people and a file for programs."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_NONE = "not there"
_OURS = "this platform"
_TITLES = {
    "unjailed": "The step unjailed",
    "jailed": "The step in the default jail",
    "agent": "A real agent in the default jail",
}
_PACKAGES = ("prefect", "dbos", "temporalio", "nats-py", "sqlalchemy")


@dataclass(frozen=True, kw_only=True)
class Figures:
    """One contender with one kind of step; seconds."""

    contender: str
    step: str
    missing: str = ""
    w1: Sequence[float] = field(default_factory=list[float])
    w5: Sequence[float] = field(default_factory=list[float])
    c10: Sequence[float] = field(default_factory=list[float])
    c10_cpu: float = 0.0
    c10_peak_mb: float = 0.0
    resume: Sequence[float] = field(default_factory=list[float])

    def as_json(self) -> dict[str, Any]:
        """Every single measurement, rounded to milliseconds."""
        return {
            key: [round(each, 3) for each in value] if isinstance(value, list) else _rounded(value)
            for key, value in asdict(self).items()
        }


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What this platform spends on a run of its own step."""

    requests: dict[str, dict[str, list[float]]]
    """Shape -> kind of request to Prefect's server -> its milliseconds for each."""
    cpu: dict[str, list[float]]
    """Part -> CPU seconds until ten runs at once have ended, each time they were measured."""


LIMITS = {
    "a workflow of one agent ends": ("w1", 10),
    "a workflow of five nodes ends": ("w5", 30),
    "the run goes on after a decision": ("resume", 5),
}
"""What the mission asks for, in seconds."""


def write(
    figures: Sequence[Figures], costs: Costs, *, runs: int, at_once: int, results: Path, report: Path
) -> None:
    """Both files."""
    machine = {"cpus": os.cpu_count(), "python": platform.python_version(), "kernel": platform.release()}
    data = {
        "command": "make bench",
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": machine,
        "versions": {name: found for name in _PACKAGES if (found := _version(name))},
        "runs": runs,
        "at_once": at_once,
        "figures": [each.as_json() for each in figures],
        "requests": costs.requests,
        "cpu": {part: [round(each, 2) for each in seconds] for part, seconds in costs.cpu.items()},
    }
    results.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    report.write_text(page(data), encoding="utf-8")


def page(data: dict[str, Any]) -> str:
    """The page, from the data alone."""
    versions = ", ".join(f"{name} {found}" for name, found in data["versions"].items())
    machine = data["machine"]
    kinds = ("unjailed", "jailed", "agent")
    tables = "\n".join(
        [*(_table(data["figures"], step) for step in kinds), _limits(data), _requests(data), _cpu(data)]
    )
    return _PAGE.format(
        command=data["command"],
        date=data["date"],
        cpus=machine["cpus"],
        python=machine["python"],
        kernel=machine["kernel"],
        versions=versions,
        runs=data["runs"],
        at_once=data["at_once"],
        tables=tables,
    )


def _table(figures: Sequence[dict[str, Any]], step: str) -> str:
    rows = [each for each in figures if each["step"] == step]
    if not rows:
        return ""
    bare = next((each for each in rows if each["contender"] == "bare processes"), None)
    lines = [
        f"## {_TITLES[step]}",
        "",
        "| | W1 | W5 | C10 | C10 ÷ bare | CPU s | peak MB | RESUME |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for each in rows:
        if each["missing"]:
            lines.append(f"| {each['contender']} | not measured: {each['missing']} |||||||")
            continue
        ratio = statistics.median(each["c10"]) / statistics.median(bare["c10"]) if bare else None
        cells = [
            each["contender"],
            _median(each["w1"]),
            _median(each["w5"]),
            _median(each["c10"]),
            f"{ratio:.1f}" if ratio else _NONE,
            f"{each['c10_cpu']:.1f}",
            f"{each['c10_peak_mb']:.0f}",
            _median(each["resume"]),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _limits(data: dict[str, Any]) -> str:
    ours = next((each for each in data["figures"] if (each["contender"], each["step"]) == (_OURS, "agent")), None)
    if ours is None:
        return ""
    lines = ["## The mission's limits", "", "With a real agent in the jail, as in the table above.", ""]
    lines += ["| | limit | slowest measured | times to spare |", "|---|---|---|---|"]
    for name, (figure, limit) in LIMITS.items():
        slowest = max(ours[figure])
        lines.append(f"| {name} | {limit} s | {slowest:.2f} s | {limit / slowest:.0f} |")
    together = f"The mission's ten workflows at once take {max(ours['c10']):.2f} s at the most."
    lines += ["", f"{together} [many.md](many.md) has 200 at once."]
    return "\n".join([*lines, ""])


def _requests(data: dict[str, Any]) -> str:
    requests: dict[str, dict[str, list[float]]] = data["requests"]
    kinds = sorted({kind for shape in requests.values() for kind in shape}, key=lambda kind: kind.split()[::-1])
    lines = [
        "## What Prefect's server is asked for one run",
        "",
        "Number of requests, and the server's milliseconds for all of them. Task runs cost none: their states travel",
        "as events on one websocket.",
        "",
        "| | W1 | W5 |",
        "|---|---|---|",
    ]
    for kind in kinds:
        cells = [_count(requests[shape].get(kind, [])) for shape in ("w1", "w5")]
        lines.append(f"| `{kind}` | {' | '.join(cells)} |")
    totals = [_count([each for kind in requests[shape].values() for each in kind]) for shape in ("w1", "w5")]
    return "\n".join([*lines, f"| in all | {' | '.join(totals)} |", ""])


def _cpu(data: dict[str, Any]) -> str:
    seconds = {part: statistics.median(each) for part, each in data["cpu"].items()}
    names = {
        "agents": "the agents themselves (unjailed)",
        "prefect": "Prefect's server",
        "worker": "the worker: Prefect's engine for each run and task, records",
        "listener": "the listener: intake, events of the runs, mirror",
        "nats": "NATS",
    }
    lines = [
        "## Where the CPU seconds of C10 go",
        "",
        "From the first publish to the last end; the step is unjailed, so that the agents' own time is seen.",
        "",
        "| | CPU s | share |",
        "|---|---|---|",
    ]
    total = sum(seconds.values())
    lines += [f"| {names[part]} | {seconds[part]:.2f} | {seconds[part] / total:.0%} |" for part in names]
    return "\n".join([*lines, f"| in all | {total:.2f} | |", ""])


def _count(milliseconds: Sequence[float]) -> str:
    return f"{len(milliseconds)} ({sum(milliseconds):.0f} ms)" if milliseconds else "0"


def _median(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})" if values else _NONE


def _rounded(value: Any) -> Any:
    return round(value, 3) if isinstance(value, float) else value


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


_PAGE = """\
# What a run costs

Made by `{command}` on {date}: {cpus} CPUs, Python {python}, Linux {kernel}; {versions}. Every measurement is in
[`bench/results.json`](../../bench/results.json). Seconds; medians of {runs} after one to warm up, with the least and
the most in brackets. All contenders ran in turn in one go, with the same step; compare within a table, not with figures
of another machine.

- **W1**: one node. **W5**: scan → assess → (notify, fix) → report. **C10**: {at_once} W5 at once, with the CPU seconds
  of the contender's processes and its highest memory (proportional set size). **RESUME**: from a decision to the start
  of the node that waited for it.
- Before each W1, W5 and RESUME there is a pause of 1.5 to 2.6 s, for every contender: events come now and then, and
  this platform starts jails ahead in between. C10 comes without a pause.
- The step is `python3 -I -c 'print("{{}}")'`: unjailed, or in this platform's default jail; in the third table it is an
  agent written with the SDK that does nothing. A jail's processes end out of sight of whoever counts CPU time, so
  **CPU s** leaves them out, for everybody.
- For this platform each figure goes from the publish on NATS to the event `workflow.completed` on NATS: listener,
  Prefect, worker, records and relay are all on the way, each node is a task run in Prefect's UI and a row on record.
  The others are called directly: DBOS and bare processes in their own process, Temporal through its client, the
  hand-written flow through Prefect's API. DBOS and Temporal's development server keep their state in SQLite, as this
  platform does.

{tables}"""
