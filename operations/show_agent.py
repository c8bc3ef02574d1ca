"""An agent's name -> its manifest, who uses it, how its versions have run, and whether it is well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from compiler.catalogue import AgentSpec
from records import NotFound, Records
from records.runs.agent_history import AgentHistory

Health = Literal["no runs yet", "well", "fails sometimes", "fails"]
_LOOKED = 20
_FAILS = 0.5


@dataclass(frozen=True, kw_only=True)
class AgentReport:
    """One agent with what belongs to it."""

    spec: AgentSpec
    history: AgentHistory
    used_by: tuple[str, ...]
    """Active workflows with a node of it, by name."""
    health: Health
    """By its newest runs: `fails` where half of them failed."""


async def show_agent(name: str, *, records: Records, project_id: int) -> AgentReport:
    """Everything about one agent of the project. Raises NotFound."""
    spec = (await records.catalogue(project_id)).agents.get(name)
    if spec is None:
        raise NotFound("the agent", name, f"project {project_id} has none of that name")
    history = await records.agent_history(project_id, name, limit=_LOOKED)
    plans = await records.active_plans(project_id)
    used_by = sorted(plan.name for plan in plans if any(node.agent == name for node in plan.nodes))
    return AgentReport(spec=spec, history=history, used_by=tuple(used_by), health=_health(history))


def _health(history: AgentHistory) -> Health:
    ended = [each for each in history.recent if each.status in ("SUCCESS", "FAILED")]
    if not ended:
        return "no runs yet"
    failed = sum(each.status == "FAILED" for each in ended)
    if failed == 0:
        return "well"
    return "fails" if failed >= len(ended) * _FAILS else "fails sometimes"
