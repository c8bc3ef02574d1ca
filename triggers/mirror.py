"""Runs that ended in Prefect without telling the records -> ended on record too.

A flow writes its own end before Prefect learns of it. What ends otherwise - cancelled, crashed, forced into a state, or
deleted - is found here. Nothing that Prefect says counts as success: only a flow that ran to its end records that.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from uuid import UUID

import httpx
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import FlowRun, StateType

from records import Records, Run
from records.crash_points import crash_point
from triggers.faults import Transient

log = logging.getLogger(__name__)

BATCH = 200
_ENDED = {
    StateType.CANCELLED: "cancelled in Prefect",
    StateType.CRASHED: "crashed",
    StateType.FAILED: "failed",
    StateType.COMPLETED: "set to completed in Prefect before its nodes were done",
}


@dataclass(frozen=True, kw_only=True)
class Mirror:
    """Reconciler hook."""

    client: PrefectClient
    records: Records

    async def __call__(self) -> int:
        """Gives the number of runs ended on record. Raises Transient when Prefect does not answer."""
        ended = 0
        unfinished = [run for run in await self.records.runs(unfinished=True, limit=10_000) if run.flow_run_id]
        for start in range(0, len(unfinished), BATCH):
            batch = unfinished[start : start + BATCH]
            found = await self._flow_runs(batch)
            for run in batch:
                reason = _reason(found.get(run.flow_run_id or ""))
                if reason is None:
                    continue
                crash_point("mirroring")
                if await self.records.finish_run(run.id, "FAILED", reason):
                    log.info("Run %s is over: %s", run.id, reason)
                    ended += 1
        return ended

    async def _flow_runs(self, runs: list[Run]) -> dict[str, FlowRun]:
        wanted = FlowRunFilter(id=FlowRunFilterId(any_=[UUID(run.flow_run_id or "") for run in runs]))
        try:
            found = await self.client.read_flow_runs(flow_run_filter=wanted, limit=BATCH)
        except httpx.HTTPError as exc:
            raise Transient(f"Prefect does not answer ({type(exc).__name__}: {exc})") from exc
        return {str(each.id): each for each in found}


def _reason(flow_run: FlowRun | None) -> str | None:
    """Why the run is over; None where it goes on."""
    if flow_run is None:
        return "the run was deleted in Prefect"
    state = flow_run.state
    if state is None or state.type not in _ENDED:
        return None
    said = f": {state.message}" if state.message else ""
    return f"the run was {_ENDED[state.type]}{said}"
