"""`deploy`, `plan`: workflow files against what is deployed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from compiler import format_text
from compiler.plan import Plan
from deployments.connection import Connection, connect
from deployments.deploy import CheckFailed, compile_files, deploy, ensure_work_pool
from deployments.options import DEFAULT_STATE, Json, Project, State, run
from deployments.output import print_rows

Files = Annotated[list[Path] | None, typer.Argument(help="Workflow files or folders; `workflows/` by default.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("deploy")(deploy_command)


def deploy_command(
    files: Files = None, state: State = DEFAULT_STATE, project: Project = 1, as_json: Json = False
) -> None:
    """Check workflows and make or update their deployments. One error in one file, and nothing is deployed."""
    run(_deploy(files or [Path("workflows")], state=state, project_id=project, as_json=as_json))


async def _deploy(files: list[Path], *, state: Path, project_id: int, as_json: bool) -> None:
    async with connect(state) as connection:
        plans = await compile_or_exit(files, connection, project_id=project_id)
        await ensure_work_pool(connection.prefect)
        done = [await deploy(plan, records=connection.records, client=connection.prefect) for plan in plans]
    print_rows(
        [vars(each) for each in done],
        columns=("deployment", "digest", "entrypoint"),
        title="Deployed",
        as_json=as_json,
    )


async def compile_or_exit(files: list[Path], connection: Connection, *, project_id: int) -> list[Plan]:
    """The plans; or the diagnostics on standard error and exit status 1."""
    try:
        return compile_files(files, await connection.records.catalogue(project_id), project_id=project_id)
    except CheckFailed as exc:
        sys.stderr.write(format_text(exc.diagnostics, exc.sources) + "\n")
        raise typer.Exit(1) from exc
