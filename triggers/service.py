"""Settings + records -> the running triggers: listener, relay and reconciler in one process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext

import nats.errors
from nats.aio.client import Client
from prefect.client.orchestration import PrefectClient
from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_KEY,
    PREFECT_API_URL,
    PREFECT_CLIENT_MAX_RETRIES,
    temporary_settings,
)

from operations.launcher import Launcher
from operations.routing import Matches
from reliability.cancellation import cancelled
from reliability.settings import ListenerSettings
from tasks.prefect_lanes import say_lane
from triggers.intake import Intake
from triggers.nats.connection import connect
from triggers.nats.listener import Listener
from triggers.nats.outbox_watch import OutboxWatch
from triggers.nats.project_listeners import ProjectListeners
from triggers.nats.relay import Relay
from triggers.ports import TriggerPorts
from triggers.reconcile.reconciler import Hook, Reconciler
from triggers.reconcile.resume import ResumeDecided

log = logging.getLogger(__name__)


@asynccontextmanager
async def open_client(api_url: str) -> AsyncGenerator[PrefectClient]:
    """One client for the life of the process. It does not retry: the event is delivered again instead."""
    with temporary_settings(updates={PREFECT_API_URL: api_url, PREFECT_CLIENT_MAX_RETRIES: 0}):
        credentials = PREFECT_API_AUTH_STRING.value()
        async with PrefectClient(api_url, auth_string=credentials, api_key=PREFECT_API_KEY.value()) as client:
            say_lane(client)
            yield client


async def serve(
    settings: ListenerSettings,
    *,
    records: TriggerPorts,
    client: PrefectClient,
    matches: Matches,
    hooks: Sequence[Hook] = (),
    ready: asyncio.Event | None = None,
    metrics: Callable[[Client], AbstractAsyncContextManager[object]] | None = None,
) -> None:
    """Runs until cancelled. `ready` is set once events are taken; `hooks` join the reconciler's own.

    `metrics`: entered with the connection to NATS for as long as this runs.
    """
    on_reconnect: list[Callable[[], None]] = []
    connection = await connect(settings.nats_url, on_reconnect=on_reconnect)
    intake = Intake(
        inbox=records,
        launch=Launcher(client),
        matches=matches,
        max_bytes=settings.max_event_bytes,
        max_depth=settings.max_event_depth,
    )
    listener = Listener(
        connection=connection, intake=intake, at_once=settings.events_at_once, ready=ready or asyncio.Event()
    )
    projects = ProjectListeners(
        connection=connection,
        intake=intake,
        at_once=settings.events_at_once,
        refresh_seconds=settings.refresh_seconds,
    )
    on_reconnect += [listener.reconnected, projects.reconnected]
    relay = Relay(connection=connection, outbox=records, watch=OutboxWatch.for_database(settings.database_url))
    reconciler = Reconciler(
        [
            Hook(name="subjects", run=listener.ensure, every_seconds=settings.refresh_seconds),
            Hook(name="decided runs", run=ResumeDecided(client=client, records=records), every_seconds=1.0),
            *hooks,
        ]
    )
    try:
        if cancelled():
            raise asyncio.CancelledError  # what came while connecting may be lost
        async with nullcontext() if metrics is None else metrics(connection), asyncio.TaskGroup() as group:
            group.create_task(listener.run(), name="listener")
            group.create_task(projects.run(), name="projects")
            group.create_task(relay.run(), name="relay")
            group.create_task(reconciler.run(), name="reconciler")
    finally:
        await _close(connection)


async def _close(connection: Client) -> None:
    try:
        # Acknowledgements that are on their way still go out.
        async with asyncio.timeout(5):
            await connection.drain()
    except (nats.errors.Error, TimeoutError):
        await connection.close()
