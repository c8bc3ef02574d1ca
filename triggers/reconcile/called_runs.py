"""Runs that called each other -> the one that waits is woken by the other's end, and a called run ends with its caller.

Waking is a hint: a run that nobody wakes looks again by itself after a while, and waking once too often does no harm.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import httpx
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import StateType
from prefect.exceptions import ObjectNotFound
from prefect.states import Scheduled

from operations.errors import TransientTriggerError
from operations.run_acts import cancel_in_prefect
from records import Records
from reliability.retry import retry_stale_connection
from triggers.reconcile.resume import resume

log = logging.getLogger(__name__)

WAITS_FOR_CALL = "AwaitingWorkflow"
"""Name of the state of a run that waits for one that it called, and for no person."""


async def wake_callers(client: PrefectClient, records: Records) -> int:
    """Schedule the runs that may go on; gives their number. Raises Transient when Prefect does not answer."""
    woken = 0
    for caller in await records.callers_to_wake():
        try:
            if await _wake(client, UUID(caller.flow_run_id)):
                log.info("Run %s goes on: a workflow that it called has ended", caller.run_id)
                woken += 1
        except ObjectNotFound:
            continue  # deleted in Prefect: the mirror ends it
        except httpx.HTTPError as exc:
            raise TransientTriggerError(f"Prefect does not answer ({type(exc).__name__}: {exc})") from exc
    return woken


async def _wake(client: PrefectClient, flow_run_id: UUID) -> bool:
    state = (await retry_stale_connection(lambda: client.read_flow_run(flow_run_id))).state
    if state is not None and state.type == StateType.PAUSED:
        # It waits for people as well. It asks them again if they have not answered.
        return await resume(client, str(flow_run_id)) == "resumed"
    if state is None or state.type != StateType.SCHEDULED or state.name != WAITS_FOR_CALL:
        return False
    now = Scheduled(scheduled_time=datetime.now(UTC), message="A workflow that it called has ended")
    await retry_stale_connection(lambda: client.set_flow_run_state(flow_run_id, now))
    return True


@dataclass(frozen=True, kw_only=True)
class CalledRuns:
    """Reconciler hook."""

    client: PrefectClient
    records: Records

    async def __call__(self) -> int:
        """Gives the number of runs woken or ended."""
        ended = 0
        for run in await self.records.orphaned_runs():
            reason = f"run {run.parent_run_id}, which called it, has ended"
            await self.records.note_end(run.id, reason)
            if await cancel_in_prefect(self.client, run.flow_run_id, reason):
                ended += await self.records.finish_run(run.id, "FAILED", reason)
        return ended + await wake_callers(self.client, self.records)
