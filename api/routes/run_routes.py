"""Runs of the caller's project: list, show, cancel, run again. They are started at their workflow."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from prefect.client.orchestration import PrefectClient
from prefect.settings import PREFECT_UI_URL
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.context import ApiServices, Platform
from api.problems import refusal
from api.run_schemas import RunDetailResponse
from api.schemas import ActAnswer, ApprovalAnswer, LogLineAnswer, LogPage, Problem, RerunPreviewAnswer, RunAnswer
from api.sign_in import Caller, Person
from api.stored_text import Stored
from operations.errors import PermanentTriggerError, TransientTriggerError
from operations.find_run import find_run
from operations.prefect_page import prefect_page
from operations.run_acts import RunRefused, cancel_run, preview_rerun, replay_run, rerun_run, retry_run
from operations.run_report import run_report
from operations.start_run import NoActiveWorkflow
from records import RunStatus, run_cursor
from records.approvals.audit import Actor

router = APIRouter(prefix="/runs", tags=["runs"])

NEXT_CURSOR = "X-Next-Cursor"
CHANNEL = "api"
_REFUSED: dict[int | str, dict[str, Any]] = {
    409: {"model": Problem, "description": "The run is in no state for that."}
}


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
    """One run with its graph, the states of all nodes, attempts, approvals, timeline and, first, why it failed."""
    report = await run_report(platform.records, run_id, project_id=caller.projectId)
    approvals = await platform.records.approvals(caller.projectId, run_id=report.detail.run.id, superseded=True)
    flow_run = report.detail.run.flow_run_id
    return RunDetailResponse.of_report(
        report,
        [ApprovalAnswer.of(each) for each in approvals],
        prefect_url=_page_in_prefect(flow_run) if platform.prefect and flow_run else None,
    )


def _page_in_prefect(flow_run_id: str) -> str | None:
    ui = PREFECT_UI_URL.value() or ""
    return prefect_page(ui, flow_run_id) if ui.startswith(("http://", "https://")) else None


@router.get("/{run_id}/logs", summary="Read the log of a run")
async def read_log(
    run_id: str,
    caller: Caller,
    platform: Platform,
    node: Annotated[str | None, Query(max_length=200)] = None,
    attempt: Annotated[int | None, Query(ge=0, lt=2**31)] = None,
    search: Annotated[str | None, Query(max_length=200, description="Text in any case.")] = None,
    after: Annotated[int, Query(ge=0, lt=2**63, description="`next` of the page before.")] = 0,
    limit: Annotated[int, Query(ge=1, le=5_000)] = 500,
) -> LogPage:
    """What its agents wrote, in the order in which it was kept. Ask again with `next` to follow it."""
    if any(text is not None and "\0" in text for text in (node, search)):
        raise refusal(422, "no log has the character U+0000")
    run = await find_run(platform.records, run_id, project_id=caller.projectId)
    lines = await platform.records.kept_log(
        run.id, node_id=node, attempt=attempt, search=search, after=after, limit=limit
    )
    return LogPage(
        lines=[LogLineAnswer.model_validate(each) for each in lines],
        next=str(lines[-1].id if lines else after),
        ended=run.finished_at is not None,
    )


@router.get(
    "/{run_id}/rerun", summary="Tell what running again would do", operation_id="preview_rerun", responses=_REFUSED
)
async def show_rerun(
    run_id: str, node: Annotated[Stored, Query(min_length=1, max_length=200)], caller: Caller, platform: Platform
) -> RerunPreviewAnswer:
    """Which nodes run again from that one, which outputs are kept, which gates and effects are among them."""
    with _acting():
        found = await preview_rerun(run_id, node, records=platform.records, project_id=caller.projectId)
    return RerunPreviewAnswer.model_validate(found)


class CancelBody(BaseModel):
    """Why a run is cancelled."""

    model_config = ConfigDict(extra="forbid")

    reason: Stored = Field(default="", max_length=1000)


class RerunBody(BaseModel):
    """From where a run goes again."""

    model_config = ConfigDict(extra="forbid")

    node: Stored = Field(min_length=1, max_length=200)


class ReplayBody(BaseModel):
    """What the new run is given."""

    model_config = ConfigDict(extra="forbid")

    context: dict[str, Any] | None = Field(default=None, description="None: what the old run was given.")


@router.post(
    "/{run_id}/cancel", operation_id="cancel_run", status_code=202, summary="Cancel a run", responses=_REFUSED
)
async def cancel(run_id: str, body: CancelBody, caller: Caller, platform: Platform) -> ActAnswer:
    """Agents at work are stopped, open questions are withdrawn. In the audit, with who did it."""
    run = await find_run(platform.records, run_id, project_id=caller.projectId)
    with _acting():
        ended = await cancel_run(
            run.id,
            records=platform.records,
            client=_prefect(platform),
            by=_actor(caller),
            project_id=caller.projectId,
            reason=body.reason,
        )
    said = "it is cancelled" if ended else "it is being cancelled: its worker stops what is at work"
    return ActAnswer(id=run.id, run_id=run.id, flow_run_id=None, message=said)


@router.post(
    "/{run_id}/retry", operation_id="retry_run", status_code=202, summary="Retry a run", responses=_REFUSED
)
async def retry(run_id: str, caller: Caller, platform: Platform) -> ActAnswer:
    """Runs the failed nodes again, in the same run."""
    with _acting():
        run = await retry_run(
            run_id,
            records=platform.records,
            client=_prefect(platform),
            by=_actor(caller),
            project_id=caller.projectId,
        )
    return ActAnswer(id=run.id, run_id=run.id, flow_run_id=run.flow_run_id, message="it goes again")


@router.post(
    "/{run_id}/rerun",
    operation_id="rerun_run",
    status_code=202,
    summary="Run again from a node",
    responses=_REFUSED,
)
async def rerun(run_id: str, body: RerunBody, caller: Caller, platform: Platform) -> ActAnswer:
    """Runs the node and all behind it again, in the same run; the outputs of others are kept.

    A gate is asked again where what was approved was done, or something else would run.
    """
    with _acting():
        done = await rerun_run(
            run_id,
            body.node,
            records=platform.records,
            client=_prefect(platform),
            by=_actor(caller),
            project_id=caller.projectId,
        )
    return ActAnswer(
        id=done.run.id,
        run_id=done.run.id,
        flow_run_id=done.run.flow_run_id,
        message=f"it goes again from node {body.node!r}",
        nodes=list(done.nodes),
    )


@router.post(
    "/{run_id}/replay", operation_id="replay_run", status_code=202, summary="Replay a run", responses=_REFUSED
)
async def replay(run_id: str, body: ReplayBody, caller: Caller, platform: Platform) -> ActAnswer:
    """Starts the workflow as it is now, with the run's context or another one. It is a new run."""
    if platform.launch is None:
        raise refusal(503, "this server is not connected to Prefect")
    with _acting():
        started = await replay_run(
            run_id,
            records=platform.records,
            launch=platform.launch,
            by=_actor(caller),
            project_id=caller.projectId,
            context=body.context,
        )
    known = await platform.records.run_of_flow_run(started.flow_run_id)
    return ActAnswer(
        id=known.id if known else started.flow_run_id,
        run_id=known.id if known else None,
        flow_run_id=started.flow_run_id,
        message="a new run was started",
    )


@contextmanager
def _acting() -> Generator[None]:
    """What acts raise -> problems."""
    try:
        yield
    except RunRefused as exc:
        raise refusal(409, str(exc)) from exc
    except NoActiveWorkflow as exc:
        raise refusal(409, str(exc)) from exc
    except PermanentTriggerError as exc:
        raise refusal(422, str(exc)) from exc
    except TransientTriggerError as exc:
        raise refusal(503, str(exc)) from exc


def _prefect(platform: ApiServices) -> PrefectClient:
    if platform.prefect is None:
        raise refusal(503, "this server is not connected to Prefect")
    return platform.prefect


def _actor(caller: Person) -> Actor:
    return Actor(name=caller.name, verified=True, channel=CHANNEL)
