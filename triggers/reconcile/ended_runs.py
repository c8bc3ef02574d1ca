"""Runs that ended in Prefect without telling the records -> ended on record too.

A flow writes its own end before Prefect learns of it. What ends otherwise - cancelled, crashed, forced into a state, or
deleted - is found here. Nothing that Prefect says counts as success: only a flow that ran to its end records that.

So does one write that it waits before Prefect suspends it. A run that is at work on record and waits at its gates in
Prefect was suspended by a process that had lost it to another, and that died before it could take this back: it is
woken.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterEndTime,
    FlowRunFilterId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType

from operations.errors import TransientTriggerError
from operations.unreached_nodes import show_end_of
from records import Records, Run, RunStatus
from reliability.fault_points import fault_point
from triggers.reconcile.crashed_runs import may_be_taken_over, take_over
from triggers.reconcile.resume import resume

log = logging.getLogger(__name__)

BATCH = 200
MOST = 10_000
SWEEP_SECONDS = 300.0
"""How often runs that wait for people are all looked at, for what nothing tells of: deleted or set to completed."""
QUIET_SECONDS = 10.0
"""How often Prefect is asked for bad ends while no run is unfinished on record: one may crash before it is."""
AWAY = timedelta(hours=1)
"""How far back is looked at the start."""
OVERLAP = timedelta(minutes=1)
"""How far back ends are asked for again: clocks differ, and states are committed late."""
_ENDED = {
    StateType.CANCELLED: "cancelled in Prefect",
    StateType.CRASHED: "crashed",
    StateType.FAILED: "failed",
    StateType.COMPLETED: "set to completed in Prefect before its nodes were done",
}
GATES_KEY = "gates-"
"""How the keys of our own pauses begin (`flows.run`); a person who suspends a run in Prefect gives none."""
_BAD_ENDS = [StateType.CANCELLED, StateType.CRASHED, StateType.FAILED]


@dataclass(kw_only=True)
class EndedRuns:
    """Reconciler hook.

    Runs at work are few, and looked up by id each time. Thousands may wait for people: of those only the ones that
    have ended badly since the last time are asked for, and all of them rarely.
    """

    client: PrefectClient
    records: Records
    _asked: datetime | None = None
    _looked: float = float("-inf")
    _swept: float = float("-inf")
    _asleep: frozenset[str] = frozenset()
    """Flow runs that the last look found suspended although they are at work on record."""

    async def __call__(self) -> int:
        """Gives the number of runs ended on record. Raises Transient when Prefect does not answer."""
        asleep: set[str] = set()
        began, at = datetime.now(UTC), time.monotonic()
        sweep = at > self._swept + SWEEP_SECONDS
        statuses: list[RunStatus] = ["PENDING", "RUNNING", *(["WAITING_APPROVAL"] if sweep else [])]
        ended, busy = 0, at > self._looked + QUIET_SECONDS
        for status in statuses:
            runs = await self.records.runs(status=status, unfinished=True, limit=MOST)
            ended += await self._look_up(runs, asleep)
            busy = busy or bool(runs)
        if busy or await self.records.runs(status="WAITING_APPROVAL", unfinished=True, limit=1):
            # At the start also those that crashed while nobody looked, before they were on record.
            ended += await self._bad_ends((self._asked or began - AWAY) - OVERLAP)
            self._asked, self._looked = began, at
        for flow_run_id in self._asleep & asleep:
            if await resume(self.client, flow_run_id) == "resumed":
                log.info("Flow run %s goes on: it was suspended by a process that had lost it", flow_run_id)
        self._asleep = frozenset(asleep)
        if sweep:
            self._swept = at
        return ended

    async def _look_up(self, runs: list[Run], asleep: set[str]) -> int:
        """End those of these runs that are over; note those at work on record that are `asleep` in Prefect."""
        ended, known = 0, [run for run in runs if run.flow_run_id]
        for start in range(0, len(known), BATCH):
            batch = known[start : start + BATCH]
            wanted = FlowRunFilter(id=FlowRunFilterId(any_=[UUID(run.flow_run_id or "") for run in batch]))
            found = {str(each.id): each for each in await self._flow_runs(wanted, offset=0)}
            for run in batch:
                flow_run = found.get(run.flow_run_id or "")
                if not await self._taken_over(flow_run):
                    ended += await self._end(run, _reason(flow_run))
                if flow_run is not None and run.status != "WAITING_APPROVAL" and _waits_at_gates(flow_run):
                    asleep.add(str(flow_run.id))
        return ended

    async def _bad_ends(self, since: datetime) -> int:
        """End the runs that Prefect has ended badly since then, whatever they waited for."""
        wanted = FlowRunFilter(
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=_BAD_ENDS)),
            end_time=FlowRunFilterEndTime.model_validate({"after_": since}),
        )
        ended, seen = 0, 0
        while True:
            page = await self._flow_runs(wanted, offset=seen)
            for flow_run in page:
                run = await self.records.run_of_flow_run(str(flow_run.id))
                over = run is not None and run.finished_at is not None
                if over or await self._taken_over(flow_run):
                    continue
                if run is not None:
                    ended += await self._end(run, _reason(flow_run))
            seen += len(page)
            if len(page) < BATCH:
                return ended

    async def _taken_over(self, flow_run: FlowRun | None) -> bool:
        """Whether the run has crashed under a worker of Prefect's and goes on, or has changed meanwhile."""
        if flow_run is None or not may_be_taken_over(flow_run):
            return False
        try:
            await take_over(self.client, flow_run)
        except httpx.HTTPError as exc:
            raise TransientTriggerError(f"Prefect does not answer ({type(exc).__name__}: {exc})") from exc
        return True

    async def _end(self, run: Run, reason: str | None) -> bool:
        if reason is None:
            return False
        reason = run.message or reason  # who ended it may have said why
        fault_point("mirroring")
        if not await self.records.finish_run(run.id, "FAILED", reason):
            return False
        log.info("Run %s is over: %s", run.id, reason)
        await show_end_of(run, reason, records=self.records, client=self.client)
        return True

    async def _flow_runs(self, wanted: FlowRunFilter, *, offset: int) -> list[FlowRun]:
        try:
            return await self.client.read_flow_runs(flow_run_filter=wanted, limit=BATCH, offset=offset)
        except httpx.HTTPError as exc:
            raise TransientTriggerError(f"Prefect does not answer ({type(exc).__name__}: {exc})") from exc


def _reason(flow_run: FlowRun | None) -> str | None:
    """Why the run is over; None where it goes on."""
    if flow_run is None:
        return "the run was deleted in Prefect"
    state = flow_run.state
    if state is None or state.type not in _ENDED:
        return None
    said = f": {state.message}" if state.message else ""
    return f"the run was {_ENDED[state.type]}{said}"


def _waits_at_gates(flow_run: FlowRun) -> bool:
    state = flow_run.state
    return (
        state is not None
        and state.type == StateType.PAUSED
        and (state.state_details.pause_key or "").startswith(GATES_KEY)
    )
