"""Workflows of the caller's project: list, show, compile and save, start."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Generator
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Header, HTTPException, Path, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.context import ApiServices, Platform
from api.problems import refusal
from api.routes.compile_routes import SourceBody
from api.schemas import DiagnosticAnswer, Problem, SavedAnswer, StartedAnswer, WorkflowAnswer
from api.sign_in import Caller, Person
from api.workflow_schemas import (
    BackfillAnswer,
    ChangeAnswer,
    MissedTimeAnswer,
    PlanAnswer,
    ReviewAnswer,
    VersionAnswer,
    VersionDetail,
    WorkflowSourceDetail,
)
from compiler.plan_graph import plan_graph
from operations.backfill import backfill, missed_times
from operations.compile_source import WorkflowMistakes, compile_source
from operations.deploy import AgreementMissing, RecordsOnly, archive_workflow
from operations.errors import PermanentTriggerError, TransientTriggerError
from operations.second_person import Acting
from operations.start_run import NoActiveWorkflow, start_run
from operations.workflow_text import (
    EtagMismatch,
    SavedWorkflow,
    WrongProject,
    WrongWorkflow,
    etag_of,
    rename_workflow,
    save_workflow_text,
)
from records import NotFound, Records, VersionConflict, Workflow, WorkflowVersion

router = APIRouter(prefix="/workflows", tags=["workflows"])

TRIGGER = "manual"
"""What runs started here have as their trigger; never the name of an event, which a policy may trust."""
_YAML = {
    "requestBody": {
        "required": True,
        "content": {"application/yaml": {"schema": {"type": "string", "title": "The workflow's YAML"}}},
    }
}


class RenameBody(BaseModel):
    """Another name."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=200)


class StartBody(BaseModel):
    """What a new run is given."""

    model_config = ConfigDict(extra="forbid")

    context: dict[str, Any] = Field(default_factory=dict, description="What the workflow sees as `context`.")


class BackfillBody(BaseModel):
    """Past times of a schedule."""

    model_config = ConfigDict(extra="forbid")

    times: list[AwareDatetime] = Field(min_length=1, max_length=500)


@router.get("", summary="List the workflows")
async def list_workflows(caller: Caller, platform: Platform) -> list[WorkflowAnswer]:
    """All workflows, by name."""
    return [WorkflowAnswer.of(found) for found in await platform.records.workflows(caller.projectId)]


@router.get("/{name}", summary="Show a workflow")
async def show_workflow(name: str, caller: Caller, platform: Platform, response: Response) -> WorkflowSourceDetail:
    """One workflow with its text, plan and graph. The header `ETag` is what `If-Match` of the next save takes."""
    records = platform.records
    found = await _workflow(records, caller, name)
    plan = await records.plan(found.plan_digest) if found.plan_digest else None
    version = await records.newest_version(caller.projectId, name)
    response.headers["ETag"] = etag_of(version)
    response.headers["Cache-Control"] = "private, no-cache"
    return WorkflowSourceDetail(
        **WorkflowAnswer.of(found).model_dump(by_alias=False),
        plan=plan,
        graph=None if plan is None else PlanAnswer.of(plan, await asyncio.to_thread(plan_graph, plan)),
        source=None if version is None else version.text,
        version=None if version is None else version.number,
    )


@router.put(
    "/{name}",
    summary="Save a workflow",
    openapi_extra=_YAML,
    responses={
        403: {"model": Problem, "description": "The file is for another project."},
        409: {"model": Problem, "description": "It would open gates of the present version."},
        412: {"model": Problem, "description": "Somebody has saved another version; `current` is that one."},
    },
)
async def save_workflow(
    name: str,
    request: Request,
    response: Response,
    caller: Caller,
    platform: Platform,
    remove_gates: Annotated[
        bool,
        Query(alias="removeGates", description="Save it although gates of the present version are open then."),
    ] = False,
    if_match: Annotated[
        str | None, Header(max_length=200, description="ETag of the version you changed; none: whatever is there.")
    ] = None,
    if_none_match: Annotated[
        str | None, Header(max_length=10, description="`*`: only if there is no such workflow yet.")
    ] = None,
) -> SavedAnswer:
    """Compiles the YAML. Mistakes are answered with 422 and all diagnostics; otherwise new runs take it."""
    try:
        saved = await save_workflow_text(
            name,
            await _text(request),
            records=platform.records,
            publisher=platform.publisher or RecordsOnly(),
            project_id=caller.projectId,
            by=Acting(name=caller.name, verified=True),
            agreed_by=caller.name if remove_gates else None,
            if_match=etag_of(None) if if_none_match == "*" else if_match,
        )
    except EtagMismatch as exc:
        raise _changed(str(exc), exc.current) from exc
    except VersionConflict as exc:
        raise _changed(str(exc), await platform.records.newest_version(caller.projectId, name)) from exc
    except (WorkflowMistakes, WrongWorkflow, WrongProject, AgreementMissing, TransientTriggerError) as exc:
        raise _not_saved(exc) from exc
    response.headers["ETag"] = saved.etag
    return await _saved(saved, caller, platform)


@router.get("/{name}/versions", summary="List the versions of a workflow")
async def list_versions(name: str, caller: Caller, platform: Platform) -> list[VersionAnswer]:
    """The newest first."""
    await _workflow(platform.records, caller, name)
    return [VersionAnswer.of(each) for each in await platform.records.workflow_versions(caller.projectId, name)]


@router.get("/{name}/versions/{number}", summary="Show a version of a workflow")
async def show_version(
    name: str, number: Annotated[int, Path(ge=1, lt=2**31)], caller: Caller, platform: Platform
) -> VersionDetail:
    """With its text as it was saved."""
    found = await platform.records.workflow_version(caller.projectId, name, number)
    return VersionDetail(**VersionAnswer.of(found).model_dump(by_alias=False), source=found.text)


@router.post("/{name}/review", summary="Review a text before it is saved")
async def review_workflow(name: str, body: SourceBody, caller: Caller, platform: Platform) -> ReviewAnswer:
    """What saving it would change in meaning, and whether a person must agree. Nothing is saved."""
    compiled = await compile_source(body.source, records=platform.records, project_id=caller.projectId)
    if compiled.plan is not None and compiled.plan.name != name:
        raise refusal(422, f"the file's workflow is {compiled.plan.name!r}, the address names {name!r}")
    return ReviewAnswer.of(compiled)


@router.post(
    "/{name}/rename",
    operation_id="rename_workflow",
    summary="Rename a workflow",
    responses={409: {"model": Problem}},
)
async def rename(name: str, body: RenameBody, caller: Caller, platform: Platform) -> SavedAnswer:
    """Its text is saved under the new name and the old workflow is archived; runs that wait go on."""
    try:
        saved = await rename_workflow(
            name,
            body.name,
            records=platform.records,
            publisher=platform.publisher or RecordsOnly(),
            project_id=caller.projectId,
            by=Acting(name=caller.name, verified=True),
        )
    except (WorkflowMistakes, WrongWorkflow, WrongProject, AgreementMissing, TransientTriggerError) as exc:
        raise _not_saved(exc) from exc
    return await _saved(saved, caller, platform)


@router.post(
    "/{name}/archive",
    operation_id="archive_workflow",
    status_code=204,
    summary="Archive a workflow",
    responses={404: {"model": Problem, "description": "The project has no such workflow."}},
)
async def archive(name: str, caller: Caller, platform: Platform) -> None:
    """It starts no more runs; runs that wait can still go on."""
    try:
        await archive_workflow(
            name,
            records=platform.records,
            publisher=platform.publisher or RecordsOnly(),
            project_id=caller.projectId,
        )
    except NotFound as exc:
        raise HTTPException(404, str(exc)) from exc
    except TransientTriggerError as exc:
        raise HTTPException(503, str(exc)) from exc


@router.post("/{name}/runs", operation_id="start_run", status_code=202, tags=["runs"], summary="Start a run")
async def start(
    name: str,
    body: StartBody,
    caller: Caller,
    platform: Platform,
    idempotency_key: Annotated[
        str | None, Header(max_length=200, description="A second request with the same key starts no second run.")
    ] = None,
    traceparent: Annotated[
        str | None, Header(max_length=200, description="The caller's W3C trace context.")
    ] = None,
) -> StartedAnswer:
    """Starts the workflow's deployment; the caller counts as who triggered it and cannot approve it."""
    if platform.launch is None:
        raise HTTPException(503, "this server is not connected to Prefect")
    with _starting():
        started = await start_run(
            name,
            body.context,
            records=platform.records,
            launch=platform.launch,
            project_id=caller.projectId,
            trigger=TRIGGER,
            triggered_by=caller.name,
            idempotency_key=_key(caller, name, idempotency_key) if idempotency_key else None,
            traceparent=traceparent,
        )
    return StartedAnswer(flow_run_id=started.flow_run_id, workflow=name, plan_digest=started.plan.digest)


@router.get("/{name}/missed", summary="List the times that no run began for", operation_id="list_missed_times")
async def list_missed(
    name: str,
    caller: Caller,
    platform: Platform,
    since: Annotated[AwareDatetime, Query(description="The beginning of the stretch.")],
    until: Annotated[AwareDatetime | None, Query(description="Its end; none: now.")] = None,
) -> list[MissedTimeAnswer]:
    """By the schedules of the workflow as it is now, oldest first."""
    with _starting():
        found = await missed_times(
            name, since=since, until=until, records=platform.records, project_id=caller.projectId
        )
    return [MissedTimeAnswer.model_validate(each) for each in found]


@router.post(
    "/{name}/backfill", status_code=202, summary="Start runs for past times", operation_id="backfill_workflow"
)
async def start_backfill(name: str, body: BackfillBody, caller: Caller, platform: Platform) -> BackfillAnswer:
    """One run for each time, which it sees as `context.scheduledAt`; asked again, it starts nothing twice."""
    if platform.launch is None:
        raise HTTPException(503, "this server is not connected to Prefect")
    with _starting():
        started = await backfill(
            name,
            body.times,
            records=platform.records,
            launch=platform.launch,
            project_id=caller.projectId,
            by=caller.name,
        )
    return BackfillAnswer(started={each.isoformat(): run for each, run in started.items()})


@contextmanager
def _starting() -> Generator[None]:
    """What starting raises -> problems."""
    try:
        yield
    except NoActiveWorkflow as exc:
        raise HTTPException(404, str(exc)) from exc
    except PermanentTriggerError as exc:
        raise HTTPException(422, str(exc)) from exc
    except TransientTriggerError as exc:
        raise HTTPException(503, str(exc)) from exc


def _not_saved(exc: Exception) -> HTTPException:
    match exc:
        case WorkflowMistakes():
            found = [DiagnosticAnswer.of(each).model_dump(mode="json") for each in exc.diagnostics]
            return refusal(422, str(exc), diagnostics=found)
        case AgreementMissing():
            found = [ChangeAnswer.of(each).model_dump(mode="json") for each in exc.review.changes]
            return refusal(409, f"{exc}; repeat with ?removeGates=true to agree", changes=found)
        case WrongProject():
            return refusal(403, str(exc))
        case TransientTriggerError():
            return refusal(503, f"the workflow is saved, but not deployed: {exc}; send it again")
        case _:
            return refusal(422, str(exc))


def _changed(message: str, current: WorkflowVersion | None) -> HTTPException:
    shown = None
    if current is not None:
        known = VersionAnswer.of(current).model_dump(by_alias=False)
        shown = VersionDetail(**known, source=current.text).model_dump(mode="json")
    return refusal(412, message, current=shown, etag=etag_of(current))


async def _saved(saved: SavedWorkflow, caller: Person, platform: ApiServices) -> SavedAnswer:
    return SavedAnswer(
        id=(await _workflow(platform.records, caller, saved.plan.name)).id,
        name=saved.plan.name,
        plan_digest=saved.plan.digest,
        deployed=platform.publisher is not None,
        warnings=[DiagnosticAnswer.of(each) for each in saved.warnings],
    )


async def _text(request: Request) -> str:
    try:
        return (await request.body()).decode("utf-8")
    except UnicodeDecodeError as exc:
        raise HTTPException(422, f"the body is not UTF-8 text: {exc.reason} at byte {exc.start}") from exc


async def _workflow(records: Records, caller: Person, name: str) -> Workflow:
    for workflow in await records.workflows(caller.projectId):
        if workflow.name == name:
            return workflow
    raise HTTPException(404, f"project {caller.projectId} has no workflow {name!r}")


def _key(caller: Person, name: str, key: str) -> str:
    return hashlib.sha256(json.dumps(["api", caller.projectId, name, key]).encode()).hexdigest()
