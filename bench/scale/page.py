"""What was measured -> a page."""

from __future__ import annotations

from typing import Any


def page(results: dict[str, Any]) -> str:
    """The page; parts that were not measured are left out."""
    bursts = {name: results[name] for name in ("sqlite", "postgresql") if name in results}
    parts = [_HEAD]
    if bursts:
        parts.append(_burst(bursts))
    if "waiting" in results:
        parts.append(_waiting(results["waiting"]))
    return "\n".join(parts)


def _burst(bursts: dict[str, dict[str, Any]]) -> str:
    names = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
    lines = [
        _BURST,
        "| records and Prefect in | runs | ended | seconds | peak MB | troubles in the logs |",
        "|---|---|---|---|---|---|",
    ]
    for name, found in bursts.items():
        ended = ", ".join(f"{count} {status}" for status, count in found["ended"].items())
        troubles = found["troubles_in_logs"] or "none"
        seconds = found["seconds_until_all_have_ended"]
        lines.append(
            f"| {names[name]} | {found['runs']} | {ended} | {seconds} | {found['peak_mb']} | {troubles} |"
        )
    return "\n".join([*lines, ""])


def _waiting(found: dict[str, Any]) -> str:
    def cost(key: str) -> str:
        return f"{found[key]['cpu_percent']} % of one core, {found[key]['memory_mb']} MB"

    rows = {
        "runs that wait": found["approvals"],
        "seconds from the first event until all waited": found["seconds_until_all_wait"],
        "the platform at rest, nothing waiting": cost("empty"),
        "the platform at rest, all of them waiting": cost("waiting"),
        "the same after `kill -9` of every process and a new start": cost("waiting_after_the_restart"),
        "seconds that the new start took": found["seconds_to_start_again"],
        "approvals still open after it": found["open_after_the_restart"],
        "runs still suspended in Prefect after it": found["suspended_in_prefect_after_the_restart"],
        "decisions applied": found["decisions_applied"],
        "second decisions, told that they come too late": found["decisions_that_came_too_late"],
        "seconds until all had ended": found["seconds_until_all_have_ended"],
        "approved, and agent runs there were": f"{found['approved']}, {found['agent_runs']}",
        "runs that ended otherwise than decided": found["runs_that_ended_otherwise_than_decided"],
    }
    return "\n".join(
        [_WAITING, "| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items()), ""]
    )


_HEAD = """\
# Many at once, and many that wait

Made by `python bench/many.py`; the figures are in [`bench/many.json`](../../bench/many.json). Each part starts the
whole platform with `commandcenter up`, and every agent runs in the default jail.
"""
_BURST = """\
## A burst of events

All events are published at once. Each run has three nodes, two of them side by side. The logs of all parts are searched
for `database is locked`, deadlocks and answers with status 500 and 503.
"""
_WAITING = """\
## Runs that wait for a person

Each event starts a run whose only node waits for an approval. When all wait, every process is killed with -9 and the
platform is started again. Then each approval is decided twice, one in ten with yes. CPU and memory are those of all
processes together over one minute.
"""
