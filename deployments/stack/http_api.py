"""A running platform + a list of people -> the HTTP API, which can deploy the workflows that it saves."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from agents.sandbox.choice import open_sandbox
from api import People, PeopleError, create_app, load_people, serve
from api.oidc.provider import Provider
from compiler.plan import Plan
from deployments.errors import DeploymentError
from deployments.publishing.deploy import PrefectPublisher
from deployments.stack.connection import StackConnection, connect
from observability.metrics.settings import MetricsSettings, MetricsSettingsError
from operations.deploy import Deployed
from operations.errors import TransientTriggerError
from operations.launcher import Launcher
from reliability.browser_borders import allowed_hosts
from reliability.settings import ApiSettings
from triggers.nats.event_subjects import take_subjects_now
from triggers.reconcile.resume import resume


class ApiRefused(DeploymentError):
    """The API cannot be served like that."""


@dataclass(frozen=True, kw_only=True)
class ApiOptions:
    """Where it listens, and for whom."""

    host: str
    port: int
    people: Path | None
    """JSON: SHA-256 of a token -> name and project of who holds it; beside the people of the records."""
    agents: Sequence[Path] = ()
    """Folders below which agents may be registered."""


async def serve_api(options: ApiOptions, *, state: Path) -> None:
    """Serves until SIGINT or SIGTERM. Raises ApiRefused where it cannot begin."""
    try:
        people: People = load_people(options.people) if options.people else {}
        MetricsSettings.load()
    except (PeopleError, MetricsSettingsError) as exc:
        raise ApiRefused(str(exc)) from exc
    async with connect(state) as connection:
        app = app_of(connection, people=people, agents=options.agents, host=options.host)
        if not await serve(app, host=options.host, port=options.port):
            raise ApiRefused(f"the API cannot listen on {options.host}:{options.port}: choose another --port")


def app_of(
    connection: StackConnection,
    *,
    people: People | None = None,
    agents: Sequence[Path] = (),
    host: str = "127.0.0.1",
):  # FastAPI's application; the name is the API's to know
    """The API of a running platform. `people`: those of a file, beside the people of the records.

    Raises SettingsError where the settings of a provider of sign-ins cannot be used.
    """
    return create_app(
        connection.records,
        people or {},
        launch=Launcher(connection.prefect),
        prefect=connection.prefect,
        resume=functools.partial(resume, connection.prefect),
        publisher=_Publisher(connection=connection),
        sandbox=open_sandbox,
        agent_folders=agents,
        hosts=allowed_hosts(host, ApiSettings.load().allowed_hosts),
        provider=Provider.load(),
    )


@dataclass(frozen=True, kw_only=True)
class _Publisher:
    """Prefect's publisher, whose failures are errors that the API knows, and whose events find a stream at once."""

    connection: StackConnection

    async def publish(self, plan: Plan) -> Deployed:
        try:
            done = await self._prefect().publish(plan)
        except httpx.HTTPError as exc:
            raise _away(exc) from exc
        await take_subjects_now(self.connection.addresses.nats_url, self.connection.records)
        return done

    async def retire(self, workflow: str, project_id: int) -> None:
        try:
            await self._prefect().retire(workflow, project_id)
        except httpx.HTTPError as exc:
            raise _away(exc) from exc

    def _prefect(self) -> PrefectPublisher:
        return PrefectPublisher(self.connection.prefect, self.connection.addresses.pool)


def _away(exc: httpx.HTTPError) -> TransientTriggerError:
    return TransientTriggerError(f"Prefect does not answer ({type(exc).__name__}: {exc})")
