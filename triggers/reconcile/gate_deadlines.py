"""Questions whose deadline passes -> the answers that Prefect's form already holds, then the rule of each deadline.

An answer in the form is read by the run when a worker executes it again. Without a worker a deadline would pass over a
vote that was cast in time; so what is about to expire is looked at here first.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from uuid import UUID

import httpx
from prefect.client.orchestration import PrefectClient

from operations.errors import TransientTriggerError
from operations.form_answers import apply_form_answers
from records import Records

log = logging.getLogger(__name__)

LOOK_AHEAD = timedelta(seconds=3)
"""Answers are read this long before a deadline, so that one given in time is decided in time."""


@dataclass(frozen=True, kw_only=True)
class GateDeadlines:
    """A hook of the reconciler."""

    client: PrefectClient
    records: Records

    async def __call__(self) -> int:
        """How many questions expired. Raises TransientTriggerError: an answer may be there that cannot be read now."""
        for run_id, flow_run_id in await self.records.runs_with_gates_due(LOOK_AHEAD):
            try:
                flow_run = UUID(flow_run_id)
            except ValueError:
                continue  # a run of another program, which Prefect cannot have a form for
            try:
                await apply_form_answers(
                    flow_run, run_id=run_id, records=self.records, client=self.client, logger=log
                )
            except httpx.HTTPStatusError as exc:
                if exc.response.status_code != HTTPStatus.NOT_FOUND:  # a run that was deleted has no answers
                    raise _away(exc) from exc
            except httpx.HTTPError as exc:
                raise _away(exc) from exc
        return len(await self.records.expire_gates())


def _away(exc: httpx.HTTPError) -> TransientTriggerError:
    return TransientTriggerError(f"Prefect does not answer ({type(exc).__name__}: {exc})")
