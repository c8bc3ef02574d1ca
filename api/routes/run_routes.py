"""Runs of the caller's project: list and show. They are started at their workflow."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime

from api.context import Platform
from api.schemas import AgentRunAnswer, ApprovalAnswer, NodeAnswer, RunAnswer, RunDetailResponse
from api.sign_in import Caller
from records import RunStatus, run_cursor

router = APIRouter(prefix="/runs", tags=["runs"])

NEXT_CURSOR = "X-Next-Cursor"


@router.get("", summary="List the runs")
async def list_runs(
    caller: Caller,
    platform: Platform,
    response: Response,
    status: RunStatus | None = None,
    workflow: Annotated[str | None, Query(max_length=200)] = None,
    trigger: Annotated[str | None, Query(max_length=1000, description="What started it, whole.")] = None,
    since: Annotated[AwareDatetime | None, Query(description="Started then or later.")] = None,
    until: Annotated[AwareDatetime | None, Query(description="Started before then.")] = None,
    cursor: Annotated[str | None, Query(max_length=200, description="From the header of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> list[RunAnswer]:
    """The newest first. Where there are more, the header `X-Next-Cursor` holds the `cursor` of the next page."""
    found = await platform.records.runs(
        caller.projectId,
        status=status,
        workflow=workflow,
        trigger=trigger,
        since=since,
        until=until,
        after=cursor,
        limit=limit + 1,
    )
    if len(found) > limit:
        response.headers[NEXT_CURSOR] = run_cursor(found[limit - 1])
    return [RunAnswer.of(run) for run in found[:limit]]


@router.get("/{run_id}", summary="Show a run")
async def show_run(run_id: str, caller: Caller, platform: Platform) -> RunDetailResponse:
    """One run with its nodes, agent runs and approvals."""
    records = platform.records
    run = await records.run(run_id, project_id=caller.projectId)
    approvals = await records.approvals(caller.projectId, run_id=run_id, superseded=True)
    return RunDetailResponse(
        **RunAnswer.of(run).model_dump(by_alias=False),
        outputs=run.outputs,
        executed_by=run.executed_by,
        context=run.context,
        nodes=[NodeAnswer.of(result) for result in (await records.node_results(run_id)).values()],
        agent_runs=[AgentRunAnswer.of(agent_run) for agent_run in await records.agent_runs(run_id)],
        approvals=[ApprovalAnswer.of(approval) for approval in approvals],
    )
