"""Runs that were due before the clock was set back -> due now.

Prefect's server starts a run only when its own clock says so. One that was made a moment before the clock was set back
by an hour would wait for that hour, although it was to begin at once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound
from prefect.states import Scheduled

from operations.errors import TransientTriggerError
from reliability.retry import retry_stale_connection

log = logging.getLogger(__name__)

JUMP = timedelta(seconds=10)
"""What the clock may lose between two looks before it has been set, rather than gone on."""
LOOK_FOR_SECONDS = 120.0
"""So long after the clock was set, hosts that follow it later make runs of the future."""
LONGEST_WAIT = timedelta(minutes=10)
"""A run that was to wait for longer is meant to begin at a time of day."""
_PAGE = 200


@dataclass(kw_only=True)
class ClockSetBack:
    """Reconciler hook; looks at its first call, and after each time that the clock was set back."""

    client: PrefectClient
    clock: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    _offset: float | None = field(default=None, init=False)
    _look_until: float = field(default=0.0, init=False)

    async def __call__(self) -> int:
        """Gives the number of runs that are due now. Raises Transient when Prefect does not answer."""
        if not self._has_to_look():
            return 0
        now = datetime.fromtimestamp(self.clock(), UTC)
        try:
            late = [run async for run in self._future_runs(now) if due_anew(run, now) is not None]
            return sum([await self._move(run, now) for run in late])
        except httpx.HTTPError as exc:
            self._look_until = self.monotonic() + LOOK_FOR_SECONDS
            raise TransientTriggerError(f"Prefect does not answer ({type(exc).__name__}: {exc})") from exc

    def _has_to_look(self) -> bool:
        offset = self.clock() - self.monotonic()
        known, self._offset = self._offset, offset
        if known is None:
            return True
        if known - offset > JUMP.total_seconds():
            log.warning("The clock was set back by %.0f s: runs that were due begin now.", known - offset)
            self._look_until = self.monotonic() + LOOK_FOR_SECONDS
        return self.monotonic() < self._look_until

    async def _future_runs(self, now: datetime) -> AsyncIterator[FlowRun]:
        wanted = FlowRunFilter(
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])),
            expected_start_time=FlowRunFilterExpectedStartTime.model_validate({"after_": now + JUMP}),
        )
        offset = 0
        while True:
            page = await retry_stale_connection(
                lambda at=offset: self.client.read_flow_runs(
                    flow_run_filter=wanted, sort=FlowRunSort.EXPECTED_START_TIME_ASC, limit=_PAGE, offset=at
                )
            )
            for run in page:
                yield run
            if len(page) < _PAGE:
                return
            offset += len(page)

    async def _move(self, seen: FlowRun, now: datetime) -> bool:
        try:
            run = await retry_stale_connection(lambda: self.client.read_flow_run(seen.id))
        except ObjectNotFound:
            return False
        due = due_anew(run, now)
        if run.state is None or run.state_id != seen.state_id or due is None:
            return False
        state = Scheduled(scheduled_time=due, message="The clock was set back")
        state.name = run.state.name
        await retry_stale_connection(lambda: self.client.set_flow_run_state(seen.id, state))
        return True


def due_anew(run: FlowRun, now: datetime) -> datetime | None:
    """When the run is to begin by the clock as it is now; None: at the time it has.

    A state from the future was made before the clock was set back. What it was to wait for, it waits for from now on,
    unless it has a time of day: one that a schedule gave it, or a person.
    """
    state = run.state
    if state is None or state.type != StateType.SCHEDULED or run.auto_scheduled:
        return None
    if run.empirical_policy.retry_type == "in_process" or state.timestamp <= now + JUMP:
        return None
    due: datetime = state.state_details.scheduled_time or state.timestamp
    wait = timedelta(seconds=due.timestamp() - state.timestamp.timestamp())
    return now + max(wait, timedelta()) if wait <= LONGEST_WAIT else None
