"""A running platform + a list of people -> the HTTP API, which can deploy the workflows that it saves."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from api import PeopleError, create_app, load_people, serve
from compiler.plan import Plan
from deployments.errors import DeploymentError
from deployments.publishing.deploy import Deployed, deploy, ensure_work_pool
from deployments.stack.connection import Connection, connect
from triggers.errors import TransientTriggerError
from triggers.launcher import Launcher
from triggers.reconcile.resume import resume


class ApiRefused(DeploymentError):
    """The API cannot be served like that."""


@dataclass(frozen=True, kw_only=True)
class ApiOptions:
    """Where it listens, and for whom."""

    host: str
    port: int
    people: Path
    """JSON: SHA-256 of a token -> name and project of who holds it."""
    agents: Sequence[Path] = ()
    """Folders below which agents may be registered."""


async def serve_api(options: ApiOptions, *, state: Path) -> None:
    """Serves until SIGINT or SIGTERM. Raises ApiRefused where it cannot begin."""
    try:
        people = load_people(options.people)
    except PeopleError as exc:
        raise ApiRefused(str(exc)) from exc
    async with connect(state) as connection:
        app = create_app(
            connection.records,
            people,
            launch=Launcher(connection.prefect),
            resume=functools.partial(resume, connection.prefect),
            deploy=functools.partial(_deploy, connection),
            agent_folders=options.agents,
        )
        if not await serve(app, host=options.host, port=options.port):
            raise ApiRefused(f"the API cannot listen on {options.host}:{options.port}: choose another --port")


async def _deploy(connection: Connection, plan: Plan) -> Deployed:
    try:
        await ensure_work_pool(connection.prefect, connection.addresses.pool)
        return await deploy(
            plan, records=connection.records, client=connection.prefect, pool=connection.addresses.pool
        )
    except httpx.HTTPError as exc:
        raise TransientTriggerError(f"Prefect does not answer ({type(exc).__name__}: {exc})") from exc
