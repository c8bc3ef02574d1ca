"""An agent that nobody uses any more -> archived; one that a workflow uses stays, and the workflows are named."""

from __future__ import annotations

from compiler.plan import PlanNode
from records import Records


class AgentUnknown(Exception):
    """The project has no such agent."""


class AgentInUse(Exception):
    """Workflows use it. Nothing was changed."""

    def __init__(self, name: str, workflows: list[str]) -> None:
        self.workflows = tuple(workflows)
        super().__init__(
            f"agent {name!r} is used by {', '.join(repr(each) for each in workflows)}: archive those workflows or "
            "deploy them without it first"
        )


async def remove_agent(name: str, *, records: Records, project_id: int) -> None:
    """Archive the agent: no workflow may name it until it is registered again; its runs stay on record, and runs that
    have begun go on. Raises AgentUnknown and AgentInUse."""
    users = [plan.name for plan in await records.active_plans(project_id) if name in _agents(plan.nodes)]
    if users:
        raise AgentInUse(name, sorted(users))
    if not await records.archive_agent(project_id, name):
        raise AgentUnknown(f"project {project_id} has no agent {name!r}")


def _agents(nodes: tuple[PlanNode, ...]) -> set[str]:
    return {node.agent for node in nodes}
