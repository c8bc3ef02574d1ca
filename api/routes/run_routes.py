"""Runs of the caller's project: list and show. They are started at their workflow."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.context import Platform
from api.schemas import AgentRunAnswer, ApprovalAnswer, NodeAnswer, RunAnswer, RunDetailResponse
from api.sign_in import Caller
from records import RunStatus

router = APIRouter(prefix="/runs", tags=["runs"])


@router.get("", summary="List the runs")
async def list_runs(
    caller: Caller,
    platform: Platform,
    status: RunStatus | None = None,
    workflow: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> list[RunAnswer]:
    """The newest first."""
    found = await platform.records.runs(caller.projectId, status=status, workflow=workflow, limit=limit)
    return [RunAnswer.of(run) for run in found]


@router.get("/{run_id}", summary="Show a run")
async def show_run(run_id: str, caller: Caller, platform: Platform) -> RunDetailResponse:
    """One run with its nodes, agent runs and approvals."""
    records = platform.records
    run = await records.run(run_id, project_id=caller.projectId)
    approvals = await records.approvals(caller.projectId, run_id=run_id, superseded=True)
    return RunDetailResponse(
        **RunAnswer.of(run).model_dump(by_alias=False),
        context=run.context,
        nodes=[NodeAnswer.of(result) for result in (await records.node_results(run_id)).values()],
        agent_runs=[AgentRunAnswer.of(agent_run) for agent_run in await records.agent_runs(run_id)],
        approvals=[ApprovalAnswer.of(approval) for approval in approvals],
    )
