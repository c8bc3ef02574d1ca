"""A decided approval -> its suspended run goes on.

The row holds the decision; resuming only wakes the run, which reads the row again. So resuming once too often does
no harm, and a run that was decided but never woken (a crash in between) is found by `ResumeDecided`.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Literal
from uuid import UUID

import httpx
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import StateType
from prefect.exceptions import ObjectNotFound

from triggers.faults import Transient
from triggers.ports import DecidedRun, DecidedRuns
from triggers.stale import once_more

log = logging.getLogger(__name__)

Outcome = Literal["resumed", "not waiting", "unknown run", "refused"]

NO_INPUT: dict[str, Any] = {}
"""The decision is in the row; every field of the form has a default."""
_FORM_NOT_YET = "schema not found"
_ATTEMPTS = 20
_BETWEEN_SECONDS = 0.05
_GRACE = timedelta(seconds=30)


async def resume(client: PrefectClient, flow_run_id: str) -> Outcome:
    """Wakes the run if it waits. Raises Transient when Prefect does not answer.

    The input is empty on purpose: Prefect renders what comes here as a template, so no text of a person goes in.
    """
    for _ in range(_ATTEMPTS):
        try:
            answer = await once_more(lambda: client.resume_flow_run(UUID(flow_run_id), run_input=dict(NO_INPUT)))
        except (ObjectNotFound, httpx.HTTPError) as exc:
            if await _unknown(client, flow_run_id, exc):
                return "unknown run"
            raise Transient(
                f"Prefect cannot resume run {flow_run_id!r} now ({type(exc).__name__}: {exc})"
            ) from exc
        if answer.status.value == "ACCEPT":
            return "resumed"
        if answer.status.value == "ABORT":
            return "not waiting"
        reason = str(getattr(answer.details, "reason", "") or "")
        if _FORM_NOT_YET not in reason:
            log.error("Prefect refuses to resume run %s: %s", flow_run_id, reason)
            return "refused"
        # A run is PAUSED a moment before its form is saved.
        await asyncio.sleep(_BETWEEN_SECONDS)
    return "refused"


async def _unknown(client: PrefectClient, flow_run_id: str, exc: Exception) -> bool:
    # The server answers 500 when it is asked to resume a run that it does not know.
    if not isinstance(exc, httpx.HTTPStatusError) or exc.response.status_code != HTTPStatus.INTERNAL_SERVER_ERROR:
        return isinstance(exc, ObjectNotFound)
    try:
        await once_more(lambda: client.read_flow_run(UUID(flow_run_id)))
    except ObjectNotFound:
        return True
    except httpx.HTTPError:
        return False
    return False


@dataclass(kw_only=True)
class ResumeDecided:
    """Reconciler hook: wakes suspended runs that have a decision they cannot have seen."""

    client: PrefectClient
    records: DecidedRuns
    _resumed: dict[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])

    async def __call__(self) -> int:
        """Gives the number of runs woken."""
        waiting = await self.records.decided_runs()
        self._resumed = {run.flow_run_id: self._resumed.get(run.flow_run_id, frozenset()) for run in waiting}
        woken = 0
        for run in waiting:
            if self._resumed[run.flow_run_id] == run.decided:
                continue
            suspended = await self._suspended_since(run)
            if suspended is None:
                continue
            if run.last_decision < suspended - _GRACE:
                # The run has seen these decisions before it went to sleep; it waits for others.
                self._resumed[run.flow_run_id] = run.decided
                continue
            if await resume(self.client, run.flow_run_id) == "resumed":
                log.info("Run %s goes on: a gate was decided while it waited", run.run_id)
                self._resumed[run.flow_run_id] = run.decided
                woken += 1
        return woken

    async def _suspended_since(self, run: DecidedRun) -> datetime | None:
        try:
            state = (await once_more(lambda: self.client.read_flow_run(UUID(run.flow_run_id)))).state
        except ObjectNotFound:
            return None
        except httpx.HTTPError as exc:
            raise Transient(f"Prefect does not answer ({type(exc).__name__}: {exc})") from exc
        return state.timestamp if state is not None and state.type == StateType.PAUSED else None
