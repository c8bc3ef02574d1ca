"""`pool docker`: work pools whose runs are containers of Prefect's own Docker worker."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deployments.cli.options import DEFAULT_STATE, State, run
from deployments.cli.output import console
from deployments.publishing.work_pools import Containers, make_pool
from deployments.stack.connection import connect

pools = typer.Typer(help="Work pools for Prefect's own workers.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.add_typer(pools, name="pool")


@pools.callback()
def pool_group() -> None:
    """Work pools for Prefect's own workers."""


@pools.command("docker")
def docker_command(
    name: Annotated[str, typer.Argument(help="Name of the pool.")] = "docker",
    image: Annotated[
        str, typer.Option(help="The platform's image, best with its digest.")
    ] = "commandcenter:latest",
    network: Annotated[list[str] | None, typer.Option(help="Network of the containers; may be repeated.")] = None,
    volume: Annotated[
        list[str] | None, typer.Option(help="As for `docker run`, such as a secret's file; may be repeated.")
    ] = None,
    env: Annotated[
        list[str] | None,
        typer.Option(help="NAME=VALUE, such as DATABASE_URL_FILE=…; may be repeated. No secrets."),
    ] = None,
    memory: Annotated[str, typer.Option(help="Memory of a container with its agents.")] = "2g",
    state: State = DEFAULT_STATE,
) -> None:
    """Make or update a pool whose runs are containers. Start them with `prefect worker start --type docker`."""
    environment: dict[str, str] = {}
    for each in env or []:
        variable, separator, value = each.partition("=")
        if not separator or not variable:
            raise typer.BadParameter(f"--env {each!r} is not NAME=VALUE")
        environment[variable] = value
    containers = Containers(
        image=image, networks=network or [], volumes=volume or [], environment=environment, memory=memory
    )
    run(_make(name, containers, state=state))


async def _make(name: str, containers: Containers, *, state: Path) -> None:
    async with connect(state) as connection:
        new = await make_pool(connection.prefect, name, containers)
    console.print(
        f"work pool {name} is {'made' if new else 'up to date'}; deploy to it: `commandcenter deploy --pool {name}`",
        markup=False,
        highlight=False,
    )
