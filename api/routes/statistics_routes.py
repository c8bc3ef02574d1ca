"""Figures of the caller's project, counted from the records."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from api.context import Platform
from api.schemas import ResponseModel
from api.sign_in import Caller

router = APIRouter(tags=["statistics"])


class DurationsAnswer(ResponseModel):
    """How long something took, in milliseconds."""

    count: int
    failed: int
    p50: int | None
    p95: int | None


class DayCounts(ResponseModel):
    """Numbers of one day (UTC)."""

    day: str
    counts: dict[str, int]
    total: int


class AgentDurations(DurationsAnswer):
    """Durations of one agent."""

    agent: str


class StatisticsAnswer(ResponseModel):
    """Figures since a moment."""

    since: datetime
    days: int
    runs: list[DayCounts]
    """By status."""
    agents: list[AgentDurations]
    approvals: DurationsAnswer
    """From the question to a person's answer; `failed` counts rejections."""
    pending_approvals: int
    events: list[DayCounts]
    """By outcome."""


@router.get("/statistics", summary="Show figures")
async def show_statistics(
    caller: Caller, platform: Platform, days: Annotated[int, Query(ge=1, le=366)] = 14
) -> StatisticsAnswer:
    """Runs by status and day, durations of agents, response times of approvals, events."""
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    since = midnight - timedelta(days=days - 1)
    found = await platform.records.statistics(caller.projectId, since)
    return StatisticsAnswer(
        since=found.since,
        days=days,
        runs=_days(found.runs),
        agents=[AgentDurations(agent=name, **vars(each)) for name, each in found.agents.items()],
        approvals=DurationsAnswer(**vars(found.approvals)),
        pending_approvals=found.pending_approvals,
        events=_days(found.events),
    )


def _days(found: dict[str, dict[str, int]]) -> list[DayCounts]:
    return [DayCounts(day=day, counts=counts, total=sum(counts.values())) for day, counts in found.items()]
