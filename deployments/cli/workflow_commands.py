"""`plan`, `deploy`: workflow files against what is deployed."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, cast

import typer

from compiler import format_text
from compiler.plan import Plan
from deployments.cli.identity import acting
from deployments.cli.moments import moment
from deployments.cli.options import DEFAULT_STATE, Json, Project, State, Wide, run
from deployments.cli.output import console, print_json, print_rows
from deployments.errors import DeploymentError
from deployments.publishing.compile_files import CheckFailed
from deployments.publishing.deploy_files import deployable_files
from deployments.publishing.deployment_values import planned_schedules
from deployments.publishing.workflow_files import FOLDER
from deployments.stack.connection import connect, open_records
from operations.backfill import backfill, missed_times
from operations.deploy import AgreementMissing, Deployed, archive_workflow, deploy
from operations.deploy_review import DeployReview, review
from operations.errors import TriggerError

Files = Annotated[list[Path] | None, typer.Argument(help="Workflow files or folders; `workflows/` by default.")]


class BackfillRefused(DeploymentError):
    """No runs can be started for these times."""


class SubjectRefused(DeploymentError):
    """A trigger's subject that the events stream cannot take: the workflow would never start."""


class NotAgreed(DeploymentError):
    """Gates would be removed or weakened, and nobody agreed to that."""


workflows = typer.Typer(help="Deployed workflows.", no_args_is_help=True)


@workflows.command("list")
def list_command(state: State = DEFAULT_STATE, project: Project = 1, as_json: Json = False) -> None:
    """List the project's workflows with their status."""
    run(_list(state=state, project_id=project, as_json=as_json))


@workflows.command("archive")
def archive_command(
    name: Annotated[str, typer.Argument(help="Name of the workflow.")],
    state: State = DEFAULT_STATE,
    project: Project = 1,
) -> None:
    """Let a workflow start no more runs. Runs that wait go on; `deploy --replace` of its file brings it back."""
    run(_archive(name, state=state, project_id=project))


@workflows.command("missed")
def missed_command(
    name: Annotated[str, typer.Argument(help="Name of the workflow.")],
    since: Annotated[
        str, typer.Option(help="Only times from then on: 2h, 3d, 2026-03-01T09:00.", metavar="TIME")
    ] = "7d",
    until: Annotated[str | None, typer.Option(help="Only times before then.", metavar="TIME")] = None,
    start: Annotated[bool, typer.Option("--start", help="Start a run for each of them.")] = False,
    state: State = DEFAULT_STATE,
    project: Project = 1,
    as_json: Json = False,
) -> None:
    """List the times of its schedules that no run began for; with --start, start them now, each once."""
    span = (cast("datetime", moment(since, option="--since")), moment(until, option="--until"))
    run(_missed(name, span, start=start, state=state, project_id=project, as_json=as_json))


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("plan")(plan_command)
    app.command("deploy")(deploy_command)
    app.add_typer(workflows, name="workflows")


async def _missed(
    name: str,
    span: tuple[datetime, datetime | None],
    *,
    start: bool,
    state: Path,
    project_id: int,
    as_json: bool,
) -> None:
    from operations.launcher import Launcher  # with Prefect

    since, until = span
    started: dict[datetime, str] = {}
    async with connect(state) as connection:
        records = connection.records
        me = await acting(records, project_id=project_id, right="operator") if start else None
        try:
            found = await missed_times(name, since=since, until=until, records=records, project_id=project_id)
            if me is not None and found:
                moments = [each.at for each in found]
                launch = Launcher(connection.prefect)
                started = await backfill(
                    name, moments, records=records, launch=launch, project_id=project_id, by=me.name
                )
        except TriggerError as exc:
            raise BackfillRefused(str(exc)) from exc
    print_rows(
        [{"at": each.at, "cron": each.cron, "flowRunId": started.get(each.at)} for each in found],
        columns=("at", "cron", "flowRunId"),
        title=f"Times that no run of {name} began for",
        as_json=as_json,
    )


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
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Also deploy over what was changed elsewhere since, as in the console."),
    ] = False,
    pool: Annotated[
        str | None,
        typer.Option(help="Work pool of the deployments, which must be there; the platform's by default."),
    ] = None,
    state: State = DEFAULT_STATE,
    project: Project = 1,
    as_json: Json = False,
    wide: Wide = False,
) -> None:
    """Check workflows and make or update their deployments. One error in one file, and nothing is deployed.

    A workflow that was changed elsewhere since its file was deployed last stays as it is. Exit status 1 where its file
    has changed as well.
    """
    run(
        _deploy(
            files or [FOLDER],
            agreed=remove_gates,
            replace=replace,
            pool=pool,
            state=state,
            project_id=project,
            as_json=as_json,
        )
    )


async def _plan(files: list[Path], *, state: Path, project_id: int, as_json: bool) -> None:
    async with open_records(state) as records:
        with _exit_on_mistakes():
            deployable = await deployable_files(files, records=records, project_id=project_id)
        compiled = deployable.compiled
        found = await review(compiled.plans, records, project_id=project_id, sources=compiled.files)
    paused = await _paused(compiled.plans, state)
    if as_json:
        print_json(
            {
                "changes": [{**vars(each), "dangerous": each.dangerous} for each in found.changes],
                "waitingRuns": found.waiting,
                "kept": [vars(each) for each in deployable.kept],
                "paused": paused,
            }
        )
    else:
        _print_review(found)
        _print_lines([*(each.kept for each in deployable.kept), *paused])


async def _paused(plans: Iterable[Plan], state: Path) -> list[str]:
    """What is paused in Prefect and stays so; where Prefect does not answer, that this is not known."""
    scheduled = [each for each in plans if planned_schedules(each)]
    if not scheduled:
        return []
    import httpx

    from deployments.publishing.deploy import paused_in_prefect  # with Prefect

    try:
        async with connect(state) as connection:
            return await paused_in_prefect(connection.prefect, scheduled)
    except httpx.HTTPError as exc:
        return [f"whether schedules are paused is not known: Prefect does not answer ({type(exc).__name__})"]


def _print_lines(sentences: Iterable[str]) -> None:
    for each in sentences:
        console.print(f"= {each}", markup=False, highlight=False, soft_wrap=True)


async def _deploy(
    files: list[Path],
    *,
    agreed: bool,
    replace: bool,
    pool: str | None,
    state: Path,
    project_id: int,
    as_json: bool,
) -> None:
    # With Prefect and NATS, which `plan` and the lists do without.
    from deployments.publishing.deploy import PrefectPublisher, paused_in_prefect
    from deployments.publishing.missing_secrets import missing_secrets
    from deployments.publishing.work_pools import require_pool
    from triggers.nats.event_subjects import refused_subjects, take_subjects_now

    async with connect(state) as connection:
        with _exit_on_mistakes():
            found = await deployable_files(
                files, records=connection.records, project_id=project_id, replace=replace
            )
        compiled = found.compiled
        if pool is not None:
            await require_pool(connection.prefect, pool)
        publisher = PrefectPublisher(connection.prefect, pool or connection.addresses.pool)
        if refused := await refused_subjects(connection.addresses.nats_url, connection.records, compiled.plans):
            first = refused[0]
            said = f"workflow {first.workflow!r} cannot be started by {first.subject!r}: {first.reason}"
            raise SubjectRefused(f"{said}. Nothing was deployed")

        me = await acting(connection.records, project_id=project_id, right="author")

        async def attempt(agreed_by: str | None) -> list[Deployed]:
            return await deploy(
                compiled.plans,
                records=connection.records,
                publisher=publisher,
                project_id=project_id,
                agreed_by=agreed_by,
                by=me.acting,
                sources=compiled.files,
                texts=compiled.texts,
            )

        try:
            done = await attempt(me.name if agreed else None)
        except AgreementMissing as exc:
            _print_review(exc.review)
            _ask_agreement(exc)
            done = await attempt(me.name)
        await take_subjects_now(connection.addresses.nats_url, connection.records)
        said = [each.kept for each in found.kept] + [each.replaced for each in found.replaced]
        said += await paused_in_prefect(connection.prefect, compiled.plans)
        given, kept = connection.addresses.secrets, Path(connection.addresses.state)
        said += [f"warning: {each}" for each in await missing_secrets(compiled.plans, state=kept, given=given)]
        # Now that these are deployed: what goes on beside them.
        rest = await review(compiled.plans, connection.records, project_id=project_id, sources=compiled.files)
        said += [f"{each.workflow}: {each.message}" for each in rest.changes]
    print_rows(
        [vars(each) for each in done],
        columns=("deployment", "digest", "entrypoint"),
        title="Deployed",
        as_json=as_json,
    )
    for each in said:
        sys.stderr.write(f"{each}\n")
    if any(each.both for each in found.kept):
        raise typer.Exit(1)


def _ask_agreement(missing: AgreementMissing) -> None:
    """Raises NotAgreed unless a person at the terminal agrees."""
    if not sys.stdin.isatty():
        raise NotAgreed(f"{missing} (--remove-gates agrees, for scripts)") from missing
    if not typer.confirm("Deploy although gates are removed or weakened?", default=False):
        raise NotAgreed(str(missing)) from missing


async def _archive(name: str, *, state: Path, project_id: int) -> None:
    from deployments.publishing.deploy import PrefectPublisher  # with Prefect

    async with connect(state) as connection:
        await acting(connection.records, project_id=project_id, right="author")
        publisher = PrefectPublisher(connection.prefect, connection.addresses.pool)
        await archive_workflow(name, records=connection.records, publisher=publisher, project_id=project_id)
    console.print(f"workflow {name} is archived: it starts no more runs", markup=False, highlight=False)


async def _list(*, state: Path, project_id: int, as_json: bool) -> None:
    async with open_records(state) as records:
        found = await records.workflows(project_id)
    print_rows(
        [{"name": each.name, "status": each.status, "planDigest": each.plan_digest} for each in found],
        columns=("name", "status", "planDigest"),
        title="Workflows",
        as_json=as_json,
    )


def _print_review(found: DeployReview) -> None:
    for each in found.changes:
        mark = "!" if each.dangerous else "~"
        console.print(f"{mark} {each.workflow}: {each.message}", markup=False, highlight=False)
    if not found.changes:
        console.print("nothing would change")
    if found.waiting:
        runs = ", ".join(found.waiting)
        console.print(f"waiting runs go on with the plan they started with: {runs}", highlight=False)


@contextmanager
def _exit_on_mistakes() -> Generator[None]:
    """The diagnostics of files with errors on standard error, and exit status 1."""
    try:
        yield
    except CheckFailed as exc:
        sys.stderr.write(format_text(exc.diagnostics, exc.sources) + "\n")
        raise typer.Exit(1) from exc
