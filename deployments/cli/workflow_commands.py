"""`plan`, `deploy`: workflow files against what is deployed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from compiler import format_text
from compiler.plan import Plan
from deployments.cli.options import DEFAULT_STATE, Json, Project, State, Wide, run
from deployments.cli.output import console, print_json, print_rows
from deployments.errors import DeploymentError
from deployments.publishing.deploy import CheckFailed, compile_files, deploy, ensure_work_pool
from deployments.publishing.workflow_files import FOLDER
from deployments.stack.connection import Connection, connect
from operations.deploy_review import DeployReview, review

Files = Annotated[list[Path] | None, typer.Argument(help="Workflow files or folders; `workflows/` by default.")]


class ConsentMissing(DeploymentError):
    """Gates would be removed, and nobody agreed to that."""


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("plan")(plan_command)
    app.command("deploy")(deploy_command)


def plan_command(
    files: Files = None, state: State = DEFAULT_STATE, project: Project = 1, as_json: Json = False
) -> None:
    """Say what a deploy would change, in meaning: reach, risk, gates, triggers, waiting runs."""
    run(_plan(files or [FOLDER], state=state, project_id=project, as_json=as_json))


def deploy_command(
    files: Files = None,
    remove_gates: Annotated[
        bool, typer.Option("--remove-gates", help="Agree to gates being removed or weakened, for scripts.")
    ] = False,
    state: State = DEFAULT_STATE,
    project: Project = 1,
    as_json: Json = False,
    wide: Wide = False,
) -> None:
    """Check workflows and make or update their deployments. One error in one file, and nothing is deployed."""
    run(_deploy(files or [FOLDER], agreed=remove_gates, state=state, project_id=project, as_json=as_json))


async def _plan(files: list[Path], *, state: Path, project_id: int, as_json: bool) -> None:
    async with connect(state) as connection:
        plans = await _compile_or_exit(files, connection, project_id=project_id)
        found = await review(plans, connection.records, project_id=project_id)
    if as_json:
        print_json(
            {
                "changes": [{**vars(each), "dangerous": each.dangerous} for each in found.changes],
                "waitingRuns": found.waiting,
            }
        )
    else:
        _print_review(found)


async def _deploy(files: list[Path], *, agreed: bool, state: Path, project_id: int, as_json: bool) -> None:
    async with connect(state) as connection:
        plans = await _compile_or_exit(files, connection, project_id=project_id)
        found = await review(plans, connection.records, project_id=project_id)
        if found.dangerous and not agreed:
            _print_review(found)
            _ask_consent(found)
        await ensure_work_pool(connection.prefect)
        done = [await deploy(plan, records=connection.records, client=connection.prefect) for plan in plans]
    print_rows(
        [vars(each) for each in done],
        columns=("deployment", "digest", "entrypoint"),
        title="Deployed",
        as_json=as_json,
    )


def _ask_consent(found: DeployReview) -> None:
    """Raises ConsentMissing unless a person at the terminal agrees."""
    what = "; ".join(f"{each.workflow}: {each.message}" for each in found.dangerous)
    if not sys.stdin.isatty():
        raise ConsentMissing(f"nothing was deployed, as a person must agree (--remove-gates): {what}")
    if not typer.confirm("Deploy although gates are removed or weakened?", default=False):
        raise ConsentMissing(f"nothing was deployed: {what}")


def _print_review(found: DeployReview) -> None:
    for each in found.changes:
        mark = "!" if each.dangerous else "~"
        console.print(f"{mark} {each.workflow}: {each.message}", markup=False, highlight=False)
    if not found.changes:
        console.print("nothing would change")
    if found.waiting:
        runs = ", ".join(found.waiting)
        console.print(f"waiting runs go on with the plan they started with: {runs}", highlight=False)


async def _compile_or_exit(files: list[Path], connection: Connection, *, project_id: int) -> list[Plan]:
    """The plans; or the diagnostics on standard error and exit status 1."""
    try:
        return compile_files(files, await connection.records.catalogue(project_id), project_id=project_id)
    except CheckFailed as exc:
        sys.stderr.write(format_text(exc.diagnostics, exc.sources) + "\n")
        raise typer.Exit(1) from exc
