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


def write(figures: Sequence[Figures], *, runs: int, at_once: int, results: Path, report: Path) -> None:
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
    }
    results.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    report.write_text(page(data), encoding="utf-8")


def page(data: dict[str, Any]) -> str:
    """The page, from the data alone."""
    versions = ", ".join(f"{name} {found}" for name, found in data["versions"].items())
    machine = data["machine"]
    tables = "\n".join(_table(data["figures"], step) for step in ("unjailed", "jailed"))
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
        f"## The step {step}",
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

Made by `{command}` on {date}: {cpus} CPUs, Python {python}, Linux {kernel}; {versions}. Every single measurement is in
[`bench/results.json`](../bench/results.json). Seconds; medians of {runs} after one to warm up, with the least and the
most in brackets. All contenders ran in turn in one go, with the same step; compare within a table, not with figures of
another machine.

- **W1**: one node. **W5**: scan → assess → (notify, fix) → report. **C10**: {at_once} W5 at once, with the CPU seconds
  of the contender's processes and its highest memory (proportional set size). **RESUME**: from a decision to the start
  of the node that waited for it.
- The step is `python3 -I -c 'print("{{}}")'`: unjailed, or in this platform's default jail. A jail's processes end out
  of sight of whoever counts CPU time, so **CPU s** leaves them out in the second table, for everybody.
- For this platform each figure goes from the publish on NATS to the event `workflow.completed` on NATS: listener,
  Prefect, worker, records and relay are all on the way, each node is a task run in Prefect's UI and a row on record.
  The others are called directly: DBOS and bare processes in their own process, Temporal through its client, the
  hand-written flow through Prefect's API. DBOS and Temporal's development server keep their state in SQLite, as this
  platform does.

{tables}"""
