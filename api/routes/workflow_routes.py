"""Workflows of the caller's project: list, show, compile and save, start."""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import Annotated, Any

from fastapi import APIRouter, Header, HTTPException, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from api.context import Platform
from api.schemas import DiagnosticAnswer, Problem, SavedAnswer, StartedAnswer, WorkflowAnswer, WorkflowDetail
from api.sign_in import Caller, Person
from compiler import Source, compile
from operations.deploy import ConsentMissing, RecordsOnly, archive_workflow, deploy
from operations.errors import PermanentTriggerError, TransientTriggerError
from operations.second_person import Acting
from operations.start_run import NoActiveWorkflow, start_run
from records import NotFound, Records, Workflow

router = APIRouter(prefix="/workflows", tags=["workflows"])

TRIGGER = "manual"
"""What runs started here have as their trigger; never the name of an event, which a policy may trust."""
_YAML = {
    "requestBody": {
        "required": True,
        "content": {"application/yaml": {"schema": {"type": "string", "title": "The workflow's YAML"}}},
    }
}


class StartBody(BaseModel):
    """What a new run is given."""

    model_config = ConfigDict(extra="forbid")

    context: dict[str, Any] = Field(default_factory=dict, description="What the workflow sees as `context`.")


@router.get("", summary="List the workflows")
async def list_workflows(caller: Caller, platform: Platform) -> list[WorkflowAnswer]:
    """All workflows, by name."""
    return [WorkflowAnswer.of(found) for found in await platform.records.workflows(caller.projectId)]


@router.get("/{name}", summary="Show a workflow")
async def show_workflow(name: str, caller: Caller, platform: Platform) -> WorkflowDetail:
    """One workflow with its plan."""
    for found in await platform.records.workflows(caller.projectId):
        if found.name == name:
            plan = await platform.records.plan(found.plan_digest) if found.plan_digest else None
            return WorkflowDetail(**WorkflowAnswer.of(found).model_dump(by_alias=False), plan=plan)
    raise HTTPException(404, f"project {caller.projectId} has no workflow {name!r}")


@router.put(
    "/{name}",
    summary="Save a workflow",
    openapi_extra=_YAML,
    responses={
        403: {"model": Problem, "description": "The file is for another project."},
        409: {"model": Problem, "description": "It would open gates of the present version."},
    },
)
async def save_workflow(
    name: str,
    request: Request,
    caller: Caller,
    platform: Platform,
    remove_gates: Annotated[
        bool,
        Query(alias="removeGates", description="Save it although gates of the present version are open then."),
    ] = False,
) -> SavedAnswer:
    """Compiles the YAML. Mistakes are answered with 422 and all diagnostics; otherwise new runs take it."""
    source = Source(text=await _text(request), path=f"{name}.yaml")
    catalogue = await platform.records.catalogue(caller.projectId)
    # Off the event loop: a hostile file may take a second.
    compiled = await asyncio.to_thread(compile, source, catalogue, project_id=caller.projectId)
    diagnostics = [DiagnosticAnswer.of(found) for found in compiled.diagnostics]
    plan = compiled.plan
    if plan is None:
        found = [diagnostic.model_dump(mode="json") for diagnostic in diagnostics]
        raise HTTPException(422, {"message": f"workflow {name!r} has mistakes", "diagnostics": found})
    if plan.name != name:
        raise HTTPException(422, f"the file's workflow is {plan.name!r}, the address names {name!r}")
    if plan.project_id != caller.projectId:
        raise HTTPException(403, f"the file is for project {plan.project_id}, your token for {caller.projectId}")
    publisher = platform.publisher or RecordsOnly()
    try:
        await deploy(
            [plan],
            records=platform.records,
            publisher=publisher,
            project_id=caller.projectId,
            consent=caller.name if remove_gates else None,
            by=Acting(name=caller.name, verified=True),
        )
    except ConsentMissing as exc:
        raise HTTPException(409, f"{exc}; repeat with ?removeGates=true to agree") from exc
    except TransientTriggerError as exc:
        raise HTTPException(503, f"the workflow is saved, but not deployed: {exc}; send it again") from exc
    workflow_id = (await _workflow(platform.records, caller, name)).id
    return SavedAnswer(
        id=workflow_id,
        name=plan.name,
        plan_digest=plan.digest,
        deployed=platform.publisher is not None,
        warnings=diagnostics,
    )


@router.post(
    "/{name}/archive",
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


@router.post("/{name}/runs", status_code=202, tags=["runs"], summary="Start a run")
async def start(
    name: str,
    body: StartBody,
    caller: Caller,
    platform: Platform,
    idempotency_key: Annotated[
        str | None, Header(max_length=200, description="A second request with the same key starts no second run.")
    ] = None,
) -> StartedAnswer:
    """Starts the workflow's deployment; the caller counts as who triggered it and cannot approve it."""
    if platform.launch is None:
        raise HTTPException(503, "this server is not connected to Prefect")
    try:
        started = await start_run(
            name,
            body.context,
            records=platform.records,
            launch=platform.launch,
            project_id=caller.projectId,
            trigger=TRIGGER,
            triggered_by=caller.name,
            idempotency_key=_key(caller, name, idempotency_key) if idempotency_key else None,
        )
    except NoActiveWorkflow as exc:
        raise HTTPException(404, str(exc)) from exc
    except PermanentTriggerError as exc:
        raise HTTPException(422, str(exc)) from exc
    except TransientTriggerError as exc:
        raise HTTPException(503, str(exc)) from exc
    return StartedAnswer(flow_run_id=started.flow_run_id, workflow=name, plan_digest=started.plan.digest)


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
