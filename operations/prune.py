"""A retention policy in; old runs, inbox entries, dead letters and plans deleted, and what was deleted, out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from records import Records

MIN_INBOX = timedelta(days=31)
"""JetStream keeps events for 30 days; what is forgotten sooner could be delivered, and started, again."""


class FlowRuns(Protocol):
    """Prefect, as far as deleting runs needs it."""

    async def delete(self, flow_run_id: str) -> None:
        """Delete the flow run; one that is gone already is no error."""
        ...


class InvalidRetention(ValueError):
    """A policy that would lose what is still needed."""


@dataclass(frozen=True, kw_only=True)
class Retention:
    """How long things are kept. The audit of approvals is kept for ever."""

    runs: timedelta = timedelta(days=90)
    """Ended runs with their agent runs, approvals, logs and artifacts; also in Prefect."""
    inbox: timedelta = timedelta(days=90)
    """Which messages were handled: a message that comes again within this time starts nothing twice."""
    dead_letters: timedelta = timedelta(days=90)
    max_dead_letters: int = 10_000
    """Of all projects together; the oldest go first."""
    plans: timedelta = timedelta(days=30)
    """Plans that no workflow and no run refers to."""

    def check(self) -> None:
        """Raises InvalidRetention."""
        if self.inbox < MIN_INBOX:
            raise InvalidRetention(
                f"the inbox must be kept for at least {MIN_INBOX.days} days: JetStream may deliver a message again "
                "for 30 days, and a forgotten one would start a second run"
            )
        if min(self.runs, self.dead_letters, self.plans) < timedelta(0) or self.max_dead_letters < 0:
            raise InvalidRetention("a retention cannot be negative")


@dataclass(frozen=True, kw_only=True)
class Pruned:
    """How many of each were deleted."""

    runs: int
    inbox: int
    dead_letters: int
    plans: int


async def prune(retention: Retention, *, records: Records, flow_runs: FlowRuns, at: datetime) -> Pruned:
    """Delete what is older than the policy keeps, in small transactions. Safe to stop and to repeat.

    A run goes from Prefect first: retried there without its record, it would run its nodes again.
    """
    retention.check()
    runs, before = 0, at - retention.runs
    while found := await records.ended_runs(before):
        for run in found:
            if run.flow_run_id is not None:
                await flow_runs.delete(run.flow_run_id)
        runs += await records.delete_runs([run.id for run in found], before=before)
    return Pruned(
        runs=runs,
        inbox=await records.delete_inbox(at - retention.inbox),
        dead_letters=await records.delete_dead_letters(
            at - retention.dead_letters, keep=retention.max_dead_letters
        ),
        plans=await records.delete_plans(at - retention.plans),
    )
