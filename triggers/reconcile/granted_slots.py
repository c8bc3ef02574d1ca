"""A run that was given a place while it stood in the queue -> scheduled now, so that a worker takes it at once.

The records give the place in the transaction that frees it. Waking is a hint: a run that nobody wakes looks again by
itself after a while, and waking once too often does no harm.
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
from records import Records
from reliability.retry import retry_stale_connection

log = logging.getLogger(__name__)

QUEUED = "AwaitingConcurrencySlot"
"""Prefect's own name for the state of a run that waits until others have ended."""


async def wake_granted(client: PrefectClient, records: Records) -> int:
    """Schedules the runs that may go on; gives their number. Raises Transient when Prefect does not answer."""
    woken = 0
    for run in await records.granted_runs():
        if run.flow_run_id is None:
            continue
        try:
            if await _wake(client, UUID(run.flow_run_id)):
                log.info("Run %s goes on: a place is free", run.run_id)
                woken += 1
        except ObjectNotFound:
            continue  # deleted in Prefect: the mirror ends it, and the place goes on to the next
        except httpx.HTTPError as exc:
            raise TransientTriggerError(f"Prefect does not answer ({type(exc).__name__}: {exc})") from exc
    return woken


async def _wake(client: PrefectClient, flow_run_id: UUID) -> bool:
    state = (await retry_stale_connection(lambda: client.read_flow_run(flow_run_id))).state
    if state is None or state.type != StateType.SCHEDULED or state.name != QUEUED:
        return False
    now = Scheduled(scheduled_time=datetime.now(UTC), message="A place is free")
    await retry_stale_connection(lambda: client.set_flow_run_state(flow_run_id, now))
    return True


@dataclass(frozen=True, kw_only=True)
class WakeGranted:
    """Reconciler hook."""

    client: PrefectClient
    records: Records

    async def __call__(self) -> int:
        """Gives the number of runs woken."""
        return await wake_granted(self.client, self.records)
