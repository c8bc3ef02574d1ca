"""Totals of metrics -> the numbers of the four dashboards, since the database was made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from observability.metrics.definitions import (
    AGENT_CPU,
    AGENT_DURATION,
    AGENT_MEMORY,
    APPROVAL_RESPONSE,
    DEAD_LETTERS,
    EVENT_TO_RUN,
    RUN_DURATION,
    RUNS_STARTED,
    TRIGGER_TO_COMPLETION,
    Metric,
    Total,
)
from records import Records

Row = Mapping[str, str | int | None]


@dataclass(frozen=True, kw_only=True)
class Stats:
    """One list of rows per dashboard. Quantiles are upper bounds of the histogram's buckets, in ms or MiB."""

    workflows: Sequence[Row]
    agents: Sequence[Row]
    approvals: Sequence[Row]
    events: Sequence[Row]


async def show_stats(records: Records) -> Stats:
    """All of them. Raises RecordsError."""
    totals = await records.metric_totals()
    waiting = (await records.live_numbers()).approvals
    return Stats(
        workflows=[_workflow(name, totals) for name in _values(totals, RUNS_STARTED, RUN_DURATION)],
        agents=[_agent(name, totals) for name in _values(totals, AGENT_DURATION)],
        approvals=[
            _approval(name, totals, waiting.get(name, 0))
            for name in sorted({*_values(totals, APPROVAL_RESPONSE), *waiting})
        ],
        events=[*_event_types(totals), *_given_up(totals)],
    )


def _workflow(name: str, totals: Sequence[Total]) -> Row:
    ended = _of(totals, RUN_DURATION, name)
    failed = _count(_labelled(ended, 1, "FAILED"))
    return {
        "workflow": name,
        "started": _count(_of(totals, RUNS_STARTED, name)),
        "ended": _count(ended),
        "failed": failed,
        "success": _percent(_count(ended) - failed, _count(ended)),
        "mean_ms": _mean(ended),
        "event_to_run_p95_ms": _quantile(EVENT_TO_RUN, _of(totals, EVENT_TO_RUN, name), 0.95),
        "trigger_to_end_p95_ms": _quantile(TRIGGER_TO_COMPLETION, _of(totals, TRIGGER_TO_COMPLETION, name), 0.95),
    }


def _agent(name: str, totals: Sequence[Total]) -> Row:
    ended = _of(totals, AGENT_DURATION, name)
    failed = _count(_labelled(ended, 1, "FAILED"))
    return {
        "agent": name,
        "executions": _count(ended),
        "failed": _percent(failed, _count(ended)),
        "p50_ms": _quantile(AGENT_DURATION, ended, 0.5),
        "p95_ms": _quantile(AGENT_DURATION, ended, 0.95),
        "p99_ms": _quantile(AGENT_DURATION, ended, 0.99),
        "memory_p95_mb": _quantile(AGENT_MEMORY, _of(totals, AGENT_MEMORY, name), 0.95),
        "cpu_mean_ms": _mean(_of(totals, AGENT_CPU, name)),
    }


def _approval(name: str, totals: Sequence[Total], pending: int) -> Row:
    answered = _of(totals, APPROVAL_RESPONSE, name)
    return {
        "workflow": name,
        "pending": pending,
        "approved": _count(_labelled(answered, 1, "true")),
        "rejected": _count(_labelled(answered, 1, "false")),
        "mean_ms": _mean(answered),
        "p95_ms": _quantile(APPROVAL_RESPONSE, answered, 0.95),
    }


def _event_types(totals: Sequence[Total]) -> list[Row]:
    started = [each for each in totals if each.metric == RUNS_STARTED.name]
    kinds = sorted({each.labels[1] for each in started})
    return [{"event": kind, "became": "runs", "count": _count(_labelled(started, 1, kind))} for kind in kinds]


def _given_up(totals: Sequence[Total]) -> list[Row]:
    letters = [each for each in totals if each.metric == DEAD_LETTERS.name]
    return [
        {"event": f"given up: {reason}", "became": "dead letters", "count": _count(_labelled(letters, 0, reason))}
        for reason in sorted({each.labels[0] for each in letters})
    ]


def _values(totals: Iterable[Total], *metrics: Metric) -> list[str]:
    """Values of the first label."""
    names = {metric.name for metric in metrics}
    return sorted({each.labels[0] for each in totals if each.metric in names})


def _of(totals: Iterable[Total], metric: Metric, value: str) -> list[Total]:
    return [each for each in totals if each.metric == metric.name and each.labels[0] == value]


def _labelled(totals: Iterable[Total], place: int, value: str) -> list[Total]:
    return [each for each in totals if each.labels[place] == value]


def _count(totals: Iterable[Total]) -> int:
    return sum(each.count for each in totals)


def _mean(totals: Sequence[Total]) -> int | None:
    number = _count(totals)
    return round(sum(each.sum for each in totals) / number) if number else None


def _percent(part: int, whole: int) -> str | None:
    return f"{100 * part / whole:.0f} %" if whole else None


def _quantile(metric: Metric, totals: Sequence[Total], share: float) -> str | None:
    wanted, seen = share * _count(totals), 0
    if not totals:
        return None
    for total in sorted(totals, key=lambda each: each.bucket):
        seen += total.count
        if seen >= wanted:
            beyond = total.bucket >= len(metric.buckets)
            return f"> {metric.buckets[-1]}" if beyond else f"<= {metric.buckets[total.bucket]}"
    return None
