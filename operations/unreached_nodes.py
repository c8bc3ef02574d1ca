"""A run that ended from outside -> Prefect's page of it, with what it never came to."""

from __future__ import annotations

from contextlib import suppress
from uuid import UUID

import httpx
from prefect.client.orchestration import PrefectClient

from compiler.plan import PlanDigest
from operations.run_detail import run_detail
from records import NotFound, Records, Run
from tasks.shown_nodes import UnreachedNodes, show_end, withdraw_marks


async def show_end_of(run: Run, reason: str, *, records: Records, client: PrefectClient) -> None:
    """Show it, once the run has ended on record. It is for show: where Prefect does not take it, nothing is lost."""
    if run.flow_run_id is None:
        return
    flow_run_id = UUID(run.flow_run_id)
    with suppress(httpx.HTTPError):
        try:
            plan = await records.plan(PlanDigest(run.plan_digest or ""))
        except NotFound:  # retention has deleted it, or another program wrote the run
            await withdraw_marks(client, flow_run_id, reason)
            return
        detail = await run_detail(records, run.id, project_id=run.project_id)
        unreached = UnreachedNodes(plan=plan, nodes=detail.open_nodes.keys(), token=run.fencing_token)
        await show_end(client, flow_run_id, reason, unreached=unreached)
