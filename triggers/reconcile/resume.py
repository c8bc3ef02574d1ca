"""A decided approval -> its suspended run goes on.

The row holds the decision; resuming only wakes the run, which reads the row again. So resuming once too often does
no harm, and a run that was decided but never woken (a crash in between) is found by `ResumeDecided`.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal
from uuid import UUID

import httpx
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import StateType
from prefect.exceptions import ObjectNotFound

from operations.errors import TransientTriggerError
from reliability.retry import retry_stale_connection
from triggers.ports import DecidedRun, DecidedRuns

log = logging.getLogger(__name__)

Outcome = Literal["resumed", "not waiting", "unknown run", "refused"]

WAKE_INPUT: Mapping[str, Any] = {"your_name": "CommandCenter"}
"""An answer that decides nothing, as the decision is in the row. The form requires a name and nothing else."""
_FORM_NOT_YET = "schema not found"
_ATTEMPTS = 20
_BETWEEN_SECONDS = 0.05


async def resume(client: PrefectClient, flow_run_id: str) -> Outcome:
    """Wakes the run if it waits. Raises Transient when Prefect does not answer.

    The input is a constant on purpose: Prefect renders what comes here as a template, so no text of a person goes in.
    """
    for _ in range(_ATTEMPTS):
        try:
            answer = await retry_stale_connection(
                lambda: client.resume_flow_run(UUID(flow_run_id), run_input=dict(WAKE_INPUT))
            )
        except (ObjectNotFound, httpx.HTTPError) as exc:
            if await _unknown(client, flow_run_id, exc):
                return "unknown run"
            raise TransientTriggerError(
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
        await retry_stale_connection(lambda: client.read_flow_run(UUID(flow_run_id)))
    except ObjectNotFound:
        return True
    except httpx.HTTPError:
        return False
    return False


@dataclass(kw_only=True)
class ResumeDecided:
    """Reconciler hook: wakes suspended runs whose form still asks what is settled.

    The form names the approvals it asks for, so no clocks are compared: a run that knows a decision no longer asks.
    """

    client: PrefectClient
    records: DecidedRuns
    _known: dict[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    """Flow run -> what was settled when its form was last found to be right, or the run was woken."""

    async def __call__(self) -> int:
        """Gives the number of runs woken."""
        waiting = await self.records.decided_runs()
        self._known = {run.flow_run_id: self._known.get(run.flow_run_id, frozenset()) for run in waiting}
        woken = 0
        for run in waiting:
            if self._known[run.flow_run_id] == run.settled:
                continue
            outdated = await self._asks_what_is_settled(run)
            if outdated is None:
                continue
            if outdated:
                if await resume(self.client, run.flow_run_id) != "resumed":
                    continue
                log.info("Run %s goes on: a gate was settled while it waited", run.run_id)
                woken += 1
            self._known[run.flow_run_id] = run.settled
        return woken

    async def _asks_what_is_settled(self, run: DecidedRun) -> bool | None:
        """None: the run does not wait now, or its form is not there yet."""
        flow_run_id = UUID(run.flow_run_id)
        try:
            state = (await retry_stale_connection(lambda: self.client.read_flow_run(flow_run_id))).state
            if state is None or state.type != StateType.PAUSED:
                return None
            keys = state.state_details.run_input_keyset
            if keys is None:
                return True
            key = keys["schema"]
            form = json.loads(
                await retry_stale_connection(lambda: self.client.read_flow_run_input(flow_run_id, key))
            )
        except ObjectNotFound:
            return None
        except httpx.HTTPStatusError as exc:
            if exc.response.status_code == HTTPStatus.NOT_FOUND:
                return None
            raise TransientTriggerError(f"Prefect does not answer ({exc})") from exc
        except httpx.HTTPError as exc:
            raise TransientTriggerError(f"Prefect does not answer ({type(exc).__name__}: {exc})") from exc
        return asks(form.get("properties", {}), run.settled)


def asks(fields: Iterable[str], approvals: Collection[str]) -> bool:
    """Whether one of the form's fields is for one of these approvals: its name ends in `_<id>`."""
    return any(name.rpartition("_")[2] in approvals for name in fields)
