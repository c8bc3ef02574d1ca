"""A state folder -> the agents workflows are checked against: the project's own, else the built-in ones."""

from __future__ import annotations

import asyncio
from pathlib import Path

from agents.registration.builtin_agents import builtin_catalogue
from compiler.catalogue import Catalogue
from deployments.stack.addresses import NotRunning, addresses_of
from reliability.settings import CommandSettings


async def known_agents(state: Path, *, project_id: int) -> Catalogue:
    """The project's agents as the running platform has them; without one, those that ship with it."""
    try:
        addresses = addresses_of(state)
    except NotRunning:
        return builtin_catalogue()
    # Here, since without a platform no database is opened.
    from operations.known_workflows import known_catalogue
    from records import Records

    async with await Records.open(addresses.database_url) as records:
        return await known_catalogue(records, project_id)


def known_agents_here() -> Catalogue:
    """The same, for the state folder and the project that the environment names."""
    here = CommandSettings.load()
    return asyncio.run(known_agents(here.state, project_id=here.project_id))
