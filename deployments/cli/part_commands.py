"""`server`, `worker`, `listener`, `migrate`: single parts of the platform, one per process or container."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from typing import Annotated, NoReturn

import typer

from deployments.cli.options import DEFAULT_STATE, Json, Project, State, run
from deployments.cli.output import console
from deployments.images.health import check_by_file, check_by_url
from deployments.stack.state_folder import StateFolder
from records.errors import DatabaseUnavailable
from reliability.settings import WorkerSettings
from reliability.tls import ServerCertificate

LOOK_SECONDS = 1.0


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("server")(server_command)
    app.command("worker")(worker_command)
    app.command("listener")(listener_command)
    app.command("migrate")(migrate_command)


def server_command(
    host: Annotated[str, typer.Option(help="Where Prefect's server listens.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Its port.")] = 4200,
) -> None:
    """Serve Prefect's API and UI until SIGTERM. Reads PREFECT_API_DATABASE_CONNECTION_URL."""
    check_by_url(f"{served_by()}://{_here(host)}:{port}/api/health")
    _become("deployments.prefect_server", "--host", host, "--port", str(port))


def worker_command(
    pool: Annotated[
        str, typer.Option(envvar="COMMANDCENTER_POOL", help="Work pool to serve; made if it is not there.")
    ] = "commandcenter",
    name: Annotated[
        str | None, typer.Option(help="The worker's name; each of a pool's workers needs its own.")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="How many runs to have in hand at a time.")] = None,
) -> None:
    """Execute runs until SIGTERM. Reads PREFECT_API_URL and DATABASE_URL."""
    _check_by_ready_file()
    options = ["--pool", pool]
    options += ["--name", name] if name else []
    options += ["--limit", str(limit)] if limit else []
    _become("deployments.worker", *options)


def listener_command() -> None:
    """Start workflows for NATS events until SIGTERM. Reads NATS_URL, PREFECT_API_URL and DATABASE_URL."""
    _check_by_ready_file()
    _become("triggers")


def migrate_command(
    state: State = DEFAULT_STATE,
    project: Project = 1,
    wait: Annotated[float, typer.Option(help="Seconds to wait for a database that does not answer yet.")] = 60.0,
    publisher: Annotated[
        str,
        typer.Option(
            help="User of your NATS server, with an account of its own, who publishes the project's events."
        ),
    ] = "",
    as_json: Json = False,
) -> None:
    """Bring the records' tables and the built-in agents to this version. A newer database is refused, unchanged."""
    StateFolder(state).create()
    url = WorkerSettings.load().database_url
    revision = run(_migrate(url, project_id=project, wait=wait, publisher=publisher))
    if as_json:
        console.print_json(data={"revision": revision})
    else:
        console.print(f"records database is at revision {revision}; built-in agents are registered")


async def _migrate(url: str, *, project_id: int, wait: float, publisher: str) -> str:
    # Here: what replaces this process imports what it needs itself.
    from deployments.publishing.registration import register_builtin
    from deployments.stack.nats_server import record_server_publisher
    from records import Records, upgrade

    deadline = time.monotonic() + wait
    while True:
        try:
            revision = await upgrade(url)
            break
        except DatabaseUnavailable as exc:
            if not exc.away or time.monotonic() > deadline:
                raise
            await asyncio.sleep(LOOK_SECONDS)
    async with await Records.open(url) as records:
        await register_builtin(records, project_id=project_id)
        if publisher:
            await record_server_publisher(records, publisher, project_id=project_id)
    return revision


def _check_by_ready_file() -> None:
    if file := WorkerSettings.load().ready_file:
        check_by_file(str(file))


def served_by() -> str:
    """The scheme of what our servers serve: `https` where a certificate is set."""
    return "http" if ServerCertificate.load() is None else "https"


def _here(host: str) -> str:
    return "127.0.0.1" if host in ("0.0.0.0", "::", "") else host


def _become(module: str, *arguments: str) -> NoReturn:
    """Replace this process: the part gets its signals, and nothing of the command line stays in memory."""
    # -P: nothing is imported from the folder in which it happens to be started.
    os.execv(sys.executable, [sys.executable, "-P", "-m", module, *arguments])
