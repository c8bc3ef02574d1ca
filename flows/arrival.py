"""Before a run asks for a slot: runs of its key that arrived earlier go first.

Runs that arrive together are executed side by side, so that a later one may come first. Prefect knows when each
arrived; the records know which have asked.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort

from compiler import TemplateError
from compiler.plan import Concurrency
from flows.claim import ClaimedRun
from flows.concurrency import slot_key
from records import Records
from triggers.reconcile.granted_slots import QUEUED

WAIT_LIMIT = timedelta(seconds=60)
"""How long one waits for earlier runs that nobody executes; then they may come later."""
LOOK_SECONDS = 0.1
_MOST = 200
_ON_THEIR_WAY = [StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING]


async def await_earlier(run: ClaimedRun, flow_run: FlowRun, records: Records) -> None:
    """Return when each run of the same key that arrived earlier has asked for its slot, or `WAIT_LIMIT` is over."""
    if flow_run.deployment_id is None or flow_run.expected_start_time is None or run.plan.concurrency is None:
        return
    known: set[str] = set()
    async with get_client() as client:
        while datetime.now(UTC) - run.began < WAIT_LIMIT:
            earlier = await _earlier(client, flow_run, _key(run, run.plan.concurrency), run.plan.concurrency)
            left = earlier - known
            known |= await records.have_asked(left) if left else set()
            if not earlier - known:
                return
            await asyncio.sleep(LOOK_SECONDS)


async def _earlier(client: PrefectClient, flow_run: FlowRun, key: str | None, rule: Concurrency) -> set[str]:
    """Prefect's ids of the runs of that key which arrived before and have not ended."""
    assert flow_run.deployment_id is not None
    found = await client.read_flow_runs(
        flow_run_filter=FlowRunFilter(
            deployment_id=FlowRunFilterDeploymentId(any_=[flow_run.deployment_id]),
            expected_start_time=FlowRunFilterExpectedStartTime.model_validate(
                {"before_": flow_run.expected_start_time}
            ),
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=_ON_THEIR_WAY)),
        ),
        sort=FlowRunSort.EXPECTED_START_TIME_DESC,
        limit=_MOST,
    )
    mine = (flow_run.expected_start_time, str(flow_run.id))
    return {
        str(each.id)
        for each in found
        if each.expected_start_time is not None
        and each.state_name != QUEUED  # it waits because it has asked
        and (each.expected_start_time, str(each.id)) < mine
        and _key_of(each, rule) == key
    }


def _key(run: ClaimedRun, rule: Concurrency) -> str | None:
    return _evaluated(rule, run.run.context, run.run.trigger, run.run.project_id)


def _key_of(flow_run: FlowRun, rule: Concurrency) -> str | None:
    project_id = flow_run.parameters.get("project_id") or 1
    context: dict[str, Any] = {"projectId": project_id, **(flow_run.parameters.get("context") or {})}
    return _evaluated(rule, context, flow_run.parameters.get("trigger") or "manual", project_id)


def _evaluated(rule: Concurrency, context: Any, trigger: str, project_id: int) -> str | None:
    """The key; None where it cannot be evaluated, which its own run will say."""
    try:
        # The id of a run that has not begun is not known. A key that names it is shared by nobody.
        return slot_key(rule, context=context, run_id="", trigger=trigger, project_id=project_id)
    except (TemplateError, ValueError, TypeError):
        return None
