"""How the demo starts a run: by a commit and an event on NATS, or with the parameters of the cron deployment."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg

from deployments.cli.output import console
from deployments.demo.sample_repository import DemoRepository, make_repository
from deployments.stack.connection import StackConnection
from triggers import deployment_name
from triggers.nats.connection import jetstream, open_once

SUBJECT = "graph.file.updated"
COMPLETED_WAIT_SECONDS = 20


@dataclass(frozen=True, kw_only=True)
class Started:
    """A run that was started, and how to recognise it and its end."""

    workflow: str
    key: dict[str, Any]
    """Fields of the run's context that only this run has."""
    completed: Callable[[], Awaitable[dict[str, Any] | None]]
    """The `workflow.completed.…` message as NATS delivered it; None where it did not come."""
    repository: DemoRepository | None = None


@asynccontextmanager
async def start_by_event(connection: StackConnection, *, state: Path, project_id: int) -> AsyncGenerator[Started]:
    """Commit a change to a new sample repository and publish the event the Python backend would publish."""
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
    repository = await asyncio.to_thread(make_repository, state.absolute() / "demo" / stamp)
    console.print(f"Committed {repository.commit[:12]} to {repository.path}", highlight=False, soft_wrap=True)
    event = {
        "projectId": project_id,
        "repositoryPath": str(repository.path),
        "filePath": next(each for each in repository.changed_files if each.endswith((".py", ".js"))),
        "branch": "main",
        "commit": repository.commit,
        "previousCommit": repository.base_commit,
    }
    async with _listening(connection, "security-audit-deploy") as (client, completed):
        await jetstream(client).publish(SUBJECT, json.dumps(event).encode())
        console.print(f"Published {SUBJECT} for {event['filePath']}\n", highlight=False)
        yield Started(
            workflow="security-audit-deploy",
            key={"repositoryPath": str(repository.path)},
            completed=completed,
            repository=repository,
        )


@asynccontextmanager
async def start_by_schedule(
    connection: StackConnection, *, state: Path, project_id: int
) -> AsyncGenerator[Started]:
    """Start the compliance check with the parameters its cron schedule has."""
    name = deployment_name("compliance-check-weekly", project_id)
    deployment = await connection.prefect.read_deployment_by_name(name)
    (schedule,) = deployment.schedules
    now = datetime.now(UTC).isoformat()
    async with _listening(connection, "compliance-check-weekly") as (_, completed):
        await connection.prefect.create_flow_run_from_deployment(
            deployment.id, parameters={**schedule.parameters, "context": {"scheduledAt": now}}
        )
        console.print(
            f"Started {name} as its schedule {schedule.parameters['trigger']!r} would\n", highlight=False
        )
        yield Started(workflow="compliance-check-weekly", key={"scheduledAt": now}, completed=completed)


@asynccontextmanager
async def _listening(
    connection: StackConnection, workflow: str
) -> AsyncGenerator[tuple[Client, Callable[[], Awaitable[dict[str, Any] | None]]]]:
    """A NATS client that is subscribed to the completed event of `workflow`."""
    # Whoever publishes events needs no more than this; a platform elsewhere may have one user only.
    url = connection.addresses.publisher_url or connection.addresses.nats_url
    client = await open_once(url)
    heard: asyncio.Queue[Msg] = asyncio.Queue()
    # The client library leaves the type of its callback open.
    await client.subscribe(f"workflow.completed.{workflow}", cb=heard.put)  # pyright: ignore[reportUnknownMemberType]

    async def completed() -> dict[str, Any] | None:
        try:
            async with asyncio.timeout(COMPLETED_WAIT_SECONDS):
                return json.loads((await heard.get()).data)
        except TimeoutError:
            return None

    try:
        yield client, completed
    finally:
        await client.close()
