"""Agents of the caller's project: list, show, register, remove."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException

from agents.registration.manifest import ManifestError, from_json, to_json
from api.context import ApiServices, Platform
from api.schemas import Problem
from api.sign_in import Caller
from compiler import AgentSpec
from operations.register_agent import RegistrationRefused, RiskLowered, register_manifest
from operations.remove_agent import AgentInUse, AgentUnknown, remove_agent
from operations.second_person import Acting

router = APIRouter(prefix="/agents", tags=["agents"])

_BUILT_IN = re.compile(r"agents\.builtin\.[a-z_][a-z0-9_]*")


@router.get("", summary="List the agents")
async def list_agents(caller: Caller, platform: Platform) -> list[dict[str, Any]]:
    """The manifests of all registered agents."""
    return [to_json(spec) for spec in await platform.records.agents(caller.projectId)]


@router.get("/{name}", summary="Show an agent")
async def show_agent(name: str, caller: Caller, platform: Platform) -> dict[str, Any]:
    """The manifest of one agent."""
    found = (await platform.records.catalogue(caller.projectId)).agents.get(name)
    if found is None:
        raise HTTPException(404, f"project {caller.projectId} has no agent {name!r}")
    return to_json(found)


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
) -> dict[str, Any]:
    """Records the manifest and a copy of the agent's code, or replaces the one of that name.

    Effects and hosts make an action risky whatever the manifest says, and what was risky stays so: see the 409.
    """
    try:
        spec = from_json(manifest)
    except ManifestError as exc:
        raise HTTPException(422, str(exc)) from exc
    _check_entry(spec, platform)
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
        hint = "register it with `commandcenter agents register --trust-risk` if that is meant"
        raise HTTPException(409, f"{exc}; {hint}") from exc
    return to_json(found)


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


def _check_entry(spec: AgentSpec, platform: ApiServices) -> None:
    """The entry is mounted into the jail: a free choice would show any folder of this machine to the agent."""
    if _BUILT_IN.fullmatch(spec.entry_path):
        return
    entry = Path(spec.entry_path)
    if entry.is_absolute() and any(
        entry.resolve().is_relative_to(root.resolve()) for root in platform.agent_folders
    ):
        return
    raise HTTPException(
        422,
        f"entry_path {spec.entry_path!r} is neither an agent that is built in (agents.builtin.<name>) "
        "nor inside of a folder that this server allows (--agents FOLDER)",
    )
