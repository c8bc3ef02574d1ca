"""`cancel`, `retry`, `rerun`, `replay`: what a person does to a run that is there, recorded in the audit."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from deployments.cli.identity import acting
from deployments.cli.options import DEFAULT_STATE, Json, Project, RunId, State, run
from deployments.cli.output import console, print_json
from deployments.cli.run_commands import read_context
from deployments.cli.terminal_decision import CHANNEL
from deployments.errors import DeploymentError
from deployments.stack.connection import StackConnection, connect
from operations.errors import TriggerError
from operations.launcher import Launcher
from operations.prefect_page import prefect_page
from operations.run_acts import RunRefused, cancel_run, preview_rerun, replay_run, rerun_run, retry_run
from operations.run_detail import run_detail
from operations.start_run import active_plan
from records import Run
from records.approvals.audit import Actor


class ActRefused(DeploymentError):
    """The run is in no state for that."""


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("cancel")(cancel_command)
    app.command("retry")(retry_command)
    app.command("rerun")(rerun_command)
    app.command("replay")(replay_command)


def cancel_command(
    run_id: RunId,
    reason: Annotated[str, typer.Option(help="Why; kept in the audit.")] = "",
    state: State = DEFAULT_STATE,
    project: Project = 1,
    as_json: Json = False,
) -> None:
    """End a run: agents at work are stopped, open questions are withdrawn."""
    run(_cancel(run_id, reason, state=state, project_id=project, as_json=as_json))


def retry_command(
    run_id: RunId, state: State = DEFAULT_STATE, project: Project = 1, as_json: Json = False
) -> None:
    """Run the failed nodes of a failed run again, in the same run."""
    run(_retry(run_id, state=state, project_id=project, as_json=as_json))


def rerun_command(
    run_id: RunId,
    node: Annotated[str, typer.Argument(metavar="NODE", help="This node and all behind it run again.")],
    preview: Annotated[bool, typer.Option("--preview", help="Only say what it would do.")] = False,
    state: State = DEFAULT_STATE,
    project: Project = 1,
    as_json: Json = False,
) -> None:
    """Run an ended run again from a node; outputs of the others are kept, what was approved and done is asked again."""
    run(_rerun(run_id, node, preview=preview, state=state, project_id=project, as_json=as_json))


def replay_command(
    run_id: RunId,
    context: Annotated[
        list[str] | None,
        typer.Option(help="`key=value` or `@file.json` on top of what the run was given; may be repeated."),
    ] = None,
    state: State = DEFAULT_STATE,
    project: Project = 1,
    as_json: Json = False,
) -> None:
    """Start the workflow as it is now with what a run was given, or with changes to that. It is a new run."""
    run(_replay(run_id, context or [], state=state, project_id=project, as_json=as_json))


async def _cancel(run_id: str, reason: str, *, state: Path, project_id: int, as_json: bool) -> None:
    async with connect(state) as connection:
        me = await _actor(connection, project_id)
        found = await _find(connection, run_id, project_id)
        with _acting():
            ended = await cancel_run(
                found.id,
                records=connection.records,
                client=connection.prefect,
                by=me,
                project_id=project_id,
                reason=reason,
            )
    said = "is cancelled" if ended else "is being cancelled: its worker stops what is at work"
    _say(f"run {found.id} {said}", {"runId": found.id, "ended": ended}, as_json=as_json)


async def _retry(run_id: str, *, state: Path, project_id: int, as_json: bool) -> None:
    async with connect(state) as connection:
        me = await _actor(connection, project_id)
        found = await _find(connection, run_id, project_id)
        with _acting():
            await retry_run(
                found.id,
                records=connection.records,
                client=connection.prefect,
                by=me,
                project_id=project_id,
            )
    _say(f"run {found.id} goes again", {"runId": found.id}, as_json=as_json)


async def _rerun(run_id: str, node: str, *, preview: bool, state: Path, project_id: int, as_json: bool) -> None:
    async with connect(state) as connection:
        me = await _actor(connection, project_id)
        found = await _find(connection, run_id, project_id)
        with _acting():
            if preview:
                shown = await preview_rerun(found.id, node, records=connection.records, project_id=project_id)
                parts = {name: list(getattr(shown, name)) for name in ("nodes", "kept", "gates", "effects")}
                said = "; ".join(f"{name}: {', '.join(each) or 'none'}" for name, each in parts.items())
                _say(f"nothing was done; {said}", {"runId": found.id, **parts}, as_json=as_json)
                return
            done = await rerun_run(
                found.id,
                node,
                records=connection.records,
                client=connection.prefect,
                by=me,
                project_id=project_id,
            )
    data = {"runId": found.id, "nodes": list(done.nodes)}
    _say(f"run {found.id} goes again: {', '.join(done.nodes)}", data, as_json=as_json)


async def _replay(run_id: str, options: list[str], *, state: Path, project_id: int, as_json: bool) -> None:
    async with connect(state) as connection:
        me = await _actor(connection, project_id)
        found = await _find(connection, run_id, project_id)
        with _acting():
            plan = await active_plan(found.workflow_name, records=connection.records, project_id=project_id)
            edited = {**found.context, **read_context(options, plan)} if options else None
            started = await replay_run(
                found.id,
                records=connection.records,
                launch=Launcher(connection.prefect),
                by=me,
                project_id=project_id,
                context=edited,
            )
    link = prefect_page(connection.addresses.ui_url, started.flow_run_id)
    _say(
        f"started {found.workflow_name}: {link}", {"flowRunId": started.flow_run_id, "link": link}, as_json=as_json
    )


async def _find(connection: StackConnection, run_id: str, project_id: int) -> Run:
    return (await run_detail(connection.records, run_id, project_id=project_id)).run


@contextmanager
def _acting() -> Generator[None]:
    try:
        yield
    except (RunRefused, TriggerError) as exc:
        raise ActRefused(str(exc)) from exc


async def _actor(connection: StackConnection, project_id: int) -> Actor:
    """The person of the token, if they may; else the operating system's name, which nobody verified."""
    me = await acting(connection.records, project_id=project_id, right="operator")
    return Actor(name=me.name, verified=me.verified, channel=CHANNEL)


def _say(sentence: str, data: object, *, as_json: bool) -> None:
    if as_json:
        print_json(json.loads(json.dumps(data)))
    else:
        console.print(sentence, markup=False, highlight=False, soft_wrap=True)
