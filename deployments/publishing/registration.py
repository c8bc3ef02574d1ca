"""Built-in agents and agents in folders -> the records' catalogue."""

from __future__ import annotations

from pathlib import Path

from agents.registration.builtin_agents import builtin_catalogue
from agents.registration.code_digest import digest_of_folder
from agents.registration.manifest import from_json
from agents.sandbox.port import Sandbox
from compiler.catalogue import AgentSpec, Catalogue
from deployments.errors import DeploymentError
from records import Records


class RegistrationFailed(DeploymentError):
    """An agent could not be asked for its manifest, or its manifest is not one."""


async def register_builtin(records: Records, *, project_id: int) -> Catalogue:
    """Register the agents that ship with the platform; those already there are brought up to date."""
    catalogue = builtin_catalogue()
    for spec in catalogue.agents.values():
        await records.register_agent(project_id, spec)
    return catalogue


async def register_folder(path: Path, *, records: Records, sandbox: Sandbox, project_id: int) -> AgentSpec:
    """Register the agent in `path`. Its code runs in the jail only: it is asked there for its manifest."""
    entry = str(path.absolute())
    result = await sandbox.describe(entry)
    if result.failure is not None:
        raise RegistrationFailed(f"the agent in {entry!r} did not describe itself: {result.failure.message}")
    try:
        spec = from_json(result.output, entry_path=entry, code_digest=digest_of_folder(path))
    except ValueError as exc:
        raise RegistrationFailed(f"the agent in {entry!r} cannot be registered: {exc}") from exc
    await records.register_agent(project_id, spec)
    return spec
