"""Built-in agents and agents in folders -> the records' catalogue."""

from __future__ import annotations

from pathlib import Path

from agents.registration.builtin_agents import builtin_catalogue
from agents.sandbox.port import Sandbox
from compiler.catalogue import AgentSpec, Catalogue
from deployments.errors import DeploymentError
from operations import register_agent
from operations.register_agent import RegistrationRefused, RiskLowered
from operations.second_person import NOBODY, Acting
from records import Records


class RegistrationFailed(DeploymentError):
    """An agent could not be asked for its manifest, or its manifest is not one."""


async def register_builtin(records: Records, *, project_id: int) -> Catalogue:
    """Register the agents that ship with the platform; those already there are brought up to date."""
    catalogue = builtin_catalogue()
    for spec in catalogue.agents.values():
        await records.register_agent(project_id, spec)
    return catalogue


async def register_folder(
    path: Path,
    *,
    records: Records,
    sandbox: Sandbox,
    project_id: int,
    trust_risk: bool = False,
    by: Acting = NOBODY,
    scratch: Path | None = None,
) -> AgentSpec:
    """Register the agent in `path`, whose code is copied; its environment is kept in `scratch`. Raises
    RegistrationFailed."""
    try:
        return await register_agent.register_folder(
            path,
            records=records,
            sandbox=sandbox,
            project_id=project_id,
            trust_risk=trust_risk,
            by=by,
            scratch=scratch,
        )
    except RegistrationRefused as exc:
        raise RegistrationFailed(str(exc)) from exc
    except RiskLowered as exc:
        raise RegistrationFailed(f"{exc}; whoever has read its code agrees with --trust-risk") from exc
