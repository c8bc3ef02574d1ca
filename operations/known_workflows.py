"""A project's records -> the agents and workflows that its workflows are checked against."""

from __future__ import annotations

from dataclasses import replace

from compiler.callees import callable_workflows
from compiler.catalogue import Catalogue
from records import Records


async def known_catalogue(records: Records, project_id: int) -> Catalogue:
    """The registered agents, and the deployed workflows that a node may call."""
    agents = await records.catalogue(project_id)
    return replace(agents, workflows=callable_workflows(await records.current_plans(project_id)))
