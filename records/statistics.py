"""A project and a time in; counts and durations of runs, agents, approvals and events, out."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from records.database.store import Store, rows
from records.tables import AGENT, AGENT_RUN, RECEIVED_EVENT, WORKFLOW, WORKFLOW_APPROVAL, WORKFLOW_RUN
from reliability.shielded import shielded

AGENT_ENDS = ("SUCCESS", "FAILED")
"""What the totals of the metrics count as well: an attempt at work has no duration yet."""
MOST = 100_000
"""Rows of each kind that are looked at, the newest first."""


@dataclass(frozen=True, kw_only=True)
class Durations:
    """How long something took, in milliseconds."""

    count: int
    failed: int
    p50: int | None
    """None where nothing has ended."""
    p95: int | None


@dataclass(frozen=True, kw_only=True)
class Statistics:
    """What happened in one project since a moment."""

    since: datetime
    runs: dict[str, dict[str, int]]
    """Day (UTC, `2026-03-01`) -> status -> number of runs that started then."""
    agents: dict[str, Durations]
    approvals: Durations
    """From the question to a person's answer; `failed` counts rejections."""
    pending_approvals: int
    events: dict[str, dict[str, int]]
    """Day -> outcome -> number of events."""


class StatisticsStore(Store):
    """Reads figures; nothing is counted twice, as rows are what is counted."""

    @shielded
    async def statistics(self, project_id: int, since: datetime) -> Statistics:
        """Figures of the project from that moment on."""
        run_of = WORKFLOW.c.id == WORKFLOW_RUN.c.workflowId
        started = (
            select(WORKFLOW_RUN.c.startedAt, WORKFLOW_RUN.c.status)
            .join_from(WORKFLOW_RUN, WORKFLOW, run_of)
            .where(WORKFLOW.c.projectId == project_id, WORKFLOW_RUN.c.startedAt >= since)
            .order_by(WORKFLOW_RUN.c.startedAt.desc())
            .limit(MOST)
        )
        executed = (
            select(AGENT.c.name, AGENT_RUN.c.durationMs, AGENT_RUN.c.status)
            .join_from(AGENT_RUN, AGENT, AGENT.c.id == AGENT_RUN.c.agentId)
            .where(
                AGENT.c.projectId == project_id, AGENT_RUN.c.startedAt >= since, AGENT_RUN.c.status.in_(AGENT_ENDS)
            )
            .order_by(AGENT_RUN.c.startedAt.desc())
            .limit(MOST)
        )
        asked = (
            select(
                WORKFLOW_APPROVAL.c.requestedAt,
                WORKFLOW_APPROVAL.c.respondedAt,
                WORKFLOW_APPROVAL.c.status,
                WORKFLOW_APPROVAL.c.closedAs,
            )
            .join_from(WORKFLOW_APPROVAL, WORKFLOW_RUN, WORKFLOW_RUN.c.id == WORKFLOW_APPROVAL.c.workflowRunId)
            .join(WORKFLOW, run_of)
            .where(WORKFLOW.c.projectId == project_id, WORKFLOW_APPROVAL.c.requestedAt >= since)
            .limit(MOST)
        )
        came = (
            select(RECEIVED_EVENT.c.receivedAt, RECEIVED_EVENT.c.outcome)
            .where(RECEIVED_EVENT.c.projectId == project_id, RECEIVED_EVENT.c.receivedAt >= since)
            .order_by(RECEIVED_EVENT.c.receivedAt.desc())
            .limit(MOST)
        )
        async with self._db.read() as connection:
            runs, agent_runs = await rows(connection, started), await rows(connection, executed)
            approvals, events = await rows(connection, asked), await rows(connection, came)
        by_agent: dict[str, list[tuple[int | None, bool]]] = defaultdict(list)
        for row in agent_runs:
            by_agent[row["name"]].append((row["durationMs"], row["status"] == "FAILED"))
        answered = [
            (round((row["respondedAt"] - row["requestedAt"]).total_seconds() * 1000), row["status"] == "REJECTED")
            for row in approvals
            if row["respondedAt"] is not None and row["closedAs"] is None
        ]
        return Statistics(
            since=since,
            runs=_by_day([(row["startedAt"], row["status"]) for row in runs]),
            agents={name: _durations(found) for name, found in sorted(by_agent.items())},
            approvals=_durations(answered),
            pending_approvals=sum(row["status"] == "PENDING" for row in approvals),
            events=_by_day([(row["receivedAt"], row["outcome"]) for row in events]),
        )


def _by_day(found: Sequence[tuple[datetime, str]]) -> dict[str, dict[str, int]]:
    days: dict[str, Counter[str]] = defaultdict(Counter)
    for at, kind in found:
        days[at.date().isoformat()][kind] += 1
    return {day: dict(sorted(days[day].items())) for day in sorted(days)}


def _durations(found: Sequence[tuple[int | None, bool]]) -> Durations:
    known = sorted(each for each, _ in found if each is not None)
    return Durations(
        count=len(found),
        failed=sum(failed for _, failed in found),
        p50=_rank(known, 0.5),
        p95=_rank(known, 0.95),
    )


def _rank(known: Sequence[int], share: float) -> int | None:
    """The smallest value that at least that share of all does not exceed."""
    return known[max(0, math.ceil(share * len(known)) - 1)] if known else None
