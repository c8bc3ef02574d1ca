"""The rows on record -> what every counter and histogram must hold, to the bucket and to the millisecond.

Written from the tables alone and not with the code that counts. What no row keeps is left out: how long the listener
and a resumed run took are compared by number only, as are ends of runs where one went again: its row has the last.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, select

from observability.metrics.definitions import METRICS
from records import Records
from records.measures.event_types import event_type
from records.tables import (
    AGENT,
    AGENT_RUN,
    DEAD_LETTER,
    PROCESSED_EVENT,
    PROPOSAL,
    RUN_ORIGIN,
    WORKFLOW,
    WORKFLOW_APPROVAL,
    WORKFLOW_RUN,
)

Key = tuple[str, tuple[str, ...], int]
"""Metric, labels, bucket."""
_METRICS = {metric.name: metric for metric in METRICS}
_ONLY_NUMBERS = {"commandcenter_event_to_run_ms"}
_ENDS = {"workflow_run_duration_ms", "commandcenter_trigger_to_completion_ms"}
_NO_ROWS = {"commandcenter_decision_to_resume_ms", "commandcenter_environment_build_ms"}


class Totals:
    """Sums by metric, labels and bucket."""

    def __init__(self) -> None:
        self.counts: Counter[Key] = Counter()
        self.sums: Counter[Key] = Counter()

    def add(self, metric: str, labels: Iterable[str], value: int = 0, count: int = 1) -> None:
        """Count it."""
        key = (metric, tuple(labels), _METRICS[metric].bucket_of(value))
        if count:
            self.counts[key] += count
            self.sums[key] += value * count


async def differences(records: Records) -> list[str]:
    """What the totals of a platform say otherwise than its rows; empty when all is well."""
    wanted, counted = Totals(), Totals()
    async with records._db.read() as connection:  # pyright: ignore[reportPrivateUsage]

        async def rows(statement: Any) -> list[RowMapping]:
            return list((await connection.execute(statement)).mappings().all())

        names = select(WORKFLOW_RUN, WORKFLOW.c.name, WORKFLOW.c.trigger.label("source")).join(WORKFLOW)
        runs = {row["id"]: row for row in await rows(names)}
        origins = {row["flowRunId"]: row["receivedAt"] for row in await rows(select(RUN_ORIGIN))}
        _runs(wanted, runs.values(), origins)
        agents = select(AGENT_RUN, AGENT.c.name).join(AGENT)
        for row in await rows(agents.where(AGENT_RUN.c.finishedAt.is_not(None))):
            _agent_run(wanted, row)
        answered = select(WORKFLOW_APPROVAL).where(WORKFLOW_APPROVAL.c.respondedAt.is_not(None))
        for row in await rows(answered):
            _approval(wanted, row, runs[row["workflowRunId"]]["name"])
        for row in await rows(select(PROCESSED_EVENT).where(PROCESSED_EVENT.c.flowRunId.is_not(None))):
            wanted.add("commandcenter_event_to_run_ms", [row["workflow"]])
        letters = len(await rows(select(DEAD_LETTER.c.id)))
        proposed = [row for row in await rows(select(PROPOSAL.c.modelUse)) if row["modelUse"]]
    resumed = 0
    for total in await records.metric_totals():
        key = (total.metric, total.labels, total.bucket)
        counted.counts[key] += total.count
        counted.sums[key] += total.sum
        resumed += total.count if total.metric == "commandcenter_decision_to_resume_ms" else 0
    if any(run["reopened"] for run in runs.values()):
        wanted, counted = _without_ends(wanted), _without_ends(counted)
    found = list(_compared(wanted, counted, leave_out="commandcenter_model_" if proposed else None))
    told = sum(count for key, count in counted.counts.items() if key[0] == "commandcenter_dead_letters")
    if told != letters:
        found.append(f"{told} dead letters are counted, {letters} are on record")
    decided = sum(count for key, count in wanted.counts.items() if key[0] == "approval_response_time_ms")
    if resumed > decided:
        found.append(f"{resumed} runs are counted as resumed after {decided} decisions")
    return found


def _runs(wanted: Totals, runs: Iterable[RowMapping], origins: dict[str, datetime]) -> None:
    for run in runs:
        wanted.add("commandcenter_runs_started", [run["name"], event_type(run["trigger"], run["source"])])
        if run["finishedAt"] is None:
            continue
        labels = [run["name"], run["status"]]
        ends = 1 + run["reopened"]
        wanted.add("workflow_run_duration_ms", labels, _ms(run["startedAt"], run["finishedAt"]), ends)
        received = origins.get(run["flowRunId"])
        if received is not None and run["trigger"] != "manual":
            wanted.add("commandcenter_trigger_to_completion_ms", labels, _ms(received, run["finishedAt"]))


def _agent_run(wanted: Totals, row: RowMapping) -> None:
    name = row["name"]
    wanted.add("agent_execution_duration_ms", [name, row["status"]], row["durationMs"])
    if row["failureKind"]:
        wanted.add("commandcenter_agent_failures", [name, row["failureKind"]])
    wanted.add("commandcenter_jail_denials", [name], count=len(row["deniedEgress"] or ()))
    if row["memoryKb"] is not None:
        wanted.add("commandcenter_agent_memory_mb", [name], row["memoryKb"] >> 10)
    if row["cpuMs"] is not None:
        wanted.add("commandcenter_agent_cpu_ms", [name], row["cpuMs"])
    use = row["modelUse"] or {}
    wanted.add("commandcenter_model_calls", [name], count=use.get("calls", 0))
    for direction in ("input", "output"):
        wanted.add("commandcenter_model_tokens", [name, direction], count=use.get(f"{direction}Tokens", 0))
    wanted.add("commandcenter_model_cost_microdollars", [name], count=round(use.get("costUsd", 0.0) * 1_000_000))


def _approval(wanted: Totals, row: RowMapping, workflow: str) -> None:
    wanted.add("commandcenter_approvals_closed", [workflow, row["closedAs"] or "decided"])
    if row["closedAs"] is None:
        approved = "true" if row["status"] == "APPROVED" else "false"
        spent = _ms(row["requestedAt"], row["respondedAt"])
        wanted.add("approval_response_time_ms", [workflow, approved], spent)


def _compared(wanted: Totals, counted: Totals, *, leave_out: str | None) -> Iterator[str]:
    mine, theirs = _comparable(wanted, leave_out), _comparable(counted, leave_out)
    for key in sorted(mine.keys() | theirs.keys()):
        if mine.get(key) != theirs.get(key):
            yield f"{key}: counted {theirs.get(key)}, the rows are {mine.get(key)} (number, sum)"


def _without_ends(totals: Totals) -> Totals:
    """The same, of ends only how many each workflow has: of a run that went again the row has the last one only."""
    kept = Totals()
    for key, count in totals.counts.items():
        metric, labels, _ = key
        if metric in _ENDS:
            kept.counts[metric, labels[:1], 0] += count
        else:
            kept.counts[key], kept.sums[key] = count, totals.sums[key]
    return kept


def _comparable(totals: Totals, leave_out: str | None) -> dict[Key, tuple[int, int]]:
    found: dict[Key, tuple[int, int]] = {}
    for key, count in totals.counts.items():
        metric, labels, _ = key
        if metric in _NO_ROWS or metric == "commandcenter_dead_letters":
            continue
        if leave_out is not None and metric.startswith(leave_out):
            continue
        if metric in _ONLY_NUMBERS:
            before = found.get((metric, labels, 0), (0, 0))
            found[metric, labels, 0] = (before[0] + count, 0)
        else:
            found[key] = (count, totals.sums[key])
    return found


def _ms(start: datetime, end: datetime) -> int:
    return max(0, round((end - start).total_seconds() * 1_000))
