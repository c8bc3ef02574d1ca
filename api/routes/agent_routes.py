"""Agents of the caller's project: list, show, register, remove."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from agents.registration.manifest import ManifestError, from_json
from agents.sandbox.port import Sandbox
from api.agent_schemas import AgentAnswer, AgentHistoryAnswer, AgentReviewAnswer
from api.context import ApiServices, Platform
from api.schemas import Problem
from api.sign_in import Caller
from operations.register_agent import (
    RegistrationRefused,
    RiskLowered,
    program_in,
    register_files,
    register_manifest,
    review_files,
)
from operations.remove_agent import AgentInUse, AgentUnknown, remove_agent
from operations.second_person import Acting
from operations.show_agent import show_agent as show_report

router = APIRouter(prefix="/agents", tags=["agents"])

_TRUST = "register it with `commandcenter agents register --trust-risk` if that is meant"
_BUILT_IN = re.compile(r"agents\.builtin\.[a-z_][a-z0-9_]*")


@router.get("", summary="List the agents")
async def list_agents(caller: Caller, platform: Platform) -> list[AgentAnswer]:
    """The manifests of all registered agents."""
    return [AgentAnswer.of(spec) for spec in await platform.records.agents(caller.projectId)]


@router.get("/{name}", summary="Show an agent")
async def show_agent(name: str, caller: Caller, platform: Platform) -> AgentAnswer:
    """The manifest of one agent."""
    found = (await platform.records.catalogue(caller.projectId)).agents.get(name)
    if found is None:
        raise HTTPException(404, f"project {caller.projectId} has no agent {name!r}")
    return AgentAnswer.of(found)


@router.get("/{name}/history", summary="Tell how an agent has run", operation_id="show_agent_history")
async def show_history(name: str, caller: Caller, platform: Platform) -> AgentHistoryAnswer:
    """Its health, its versions as they ran, its newest runs, and the workflows that use it."""
    return AgentHistoryAnswer.of(await show_report(name, records=platform.records, project_id=caller.projectId))


class UploadBody(BaseModel):
    """An agent's folder."""

    model_config = ConfigDict(extra="forbid")

    files: dict[str, str] = Field(
        min_length=1,
        max_length=500,
        description="Path in the folder -> text; `agent.py` is what an agent begins with.",
    )


class RegisterFilesBody(UploadBody):
    """An agent's folder, as it was reviewed."""

    codeDigest: str = Field(max_length=100, description="Of the review: exactly this code is registered.")


@router.post("/review", summary="Review an agent before it is registered", operation_id="review_agent")
async def review_upload(body: UploadBody, caller: Caller, platform: Platform) -> AgentReviewAnswer:
    """Its code is asked for its manifest in the jail. What it may do, and whose risk that raises; nothing is kept."""
    async with _jail(platform) as sandbox:
        found = await review_files(
            body.files, records=platform.records, sandbox=sandbox, project_id=caller.projectId
        )
    return AgentReviewAnswer.of(found)


@router.post(
    "/upload",
    status_code=201,
    summary="Register an agent's folder",
    operation_id="register_agent_files",
    responses={
        409: {"model": Problem, "description": "It would lower a risk, or a second person must confirm it."}
    },
)
async def register_upload(body: RegisterFilesBody, caller: Caller, platform: Platform) -> AgentAnswer:
    """Keeps a copy of the code and its manifest. The code must be the one that was reviewed."""
    async with _jail(platform) as sandbox:
        found = await register_files(
            body.files,
            code_digest=body.codeDigest,
            records=platform.records,
            sandbox=sandbox,
            project_id=caller.projectId,
            by=Acting(name=caller.name, verified=True),
        )
    return AgentAnswer.of(found)


@router.post(
    "",
    status_code=201,
    summary="Register an agent",
    responses={409: {"model": Problem, "description": "It would lower the risk of a registered action."}},
)
async def register_agent(
    caller: Caller,
    platform: Platform,
    manifest: Annotated[dict[str, Any], Body(description="What the agent says of itself.")],
) -> AgentAnswer:
    """Records the manifest and a copy of the agent's code, or replaces the one of that name.

    Names in camelCase, as the API answers them, or as in a manifest's file. A program, whose folder holds an
    `agent.yaml`, needs its `entryPath` only: that file is its manifest.
    Effects and hosts make an action risky whatever the manifest says, and what was risky stays so: see the 409.
    """
    try:
        if set(manifest) in ({"entryPath"}, {"entry_path"}) and isinstance(
            path := next(iter(manifest.values())), str
        ):
            _check_entry(path, platform)
            spec = program_in(Path(path))
        elif "files" in manifest:
            raise RegistrationRefused("files are no manifest: send them to /agents/review, then to /agents/upload")
        else:
            spec = from_json(manifest)
            _check_entry(spec.entry_path, platform)
    except (ManifestError, RegistrationRefused) as exc:
        raise HTTPException(422, str(exc)) from exc
    try:
        found = await register_manifest(
            spec,
            records=platform.records,
            project_id=caller.projectId,
            by=Acting(name=caller.name, verified=True),
        )
    except RegistrationRefused as exc:
        raise HTTPException(422, str(exc)) from exc
    except RiskLowered as exc:
        raise HTTPException(409, f"{exc}; {_TRUST}") from exc
    return AgentAnswer.of(found)


@asynccontextmanager
async def _jail(platform: ApiServices) -> AsyncGenerator[Sandbox]:
    if platform.sandbox is None:
        raise HTTPException(503, "this server has no sandbox: use `commandcenter agents register FOLDER`")
    sandbox = platform.sandbox()
    try:
        yield sandbox
    except RegistrationRefused as exc:
        raise HTTPException(422, str(exc)) from exc
    except RiskLowered as exc:
        raise HTTPException(409, f"{exc}; {_TRUST}") from exc
    finally:
        await sandbox.close()


@router.delete(
    "/{name}",
    status_code=204,
    summary="Remove an agent",
    responses={409: {"model": Problem, "description": "Workflows use it; the detail names them."}},
)
async def remove(name: str, caller: Caller, platform: Platform) -> None:
    """Archives the agent, so that no workflow may name it. Its runs stay; registering it again brings it back."""
    try:
        await remove_agent(name, records=platform.records, project_id=caller.projectId)
    except AgentUnknown as exc:
        raise HTTPException(404, str(exc)) from exc
    except AgentInUse as exc:
        raise HTTPException(409, str(exc)) from exc


def _check_entry(entry_path: str, platform: ApiServices) -> None:
    """The entry is mounted into the jail: a free choice would show any folder of this machine to the agent."""
    if _BUILT_IN.fullmatch(entry_path):
        return
    entry = Path(entry_path)
    if entry.is_absolute() and any(
        entry.resolve().is_relative_to(root.resolve()) for root in platform.agent_folders
    ):
        return
    raise HTTPException(
        422,
        f"entryPath {entry_path!r} is neither an agent that is built in (agents.builtin.<name>) "
        "nor inside of a folder that this server allows (--agents FOLDER)",
    )
