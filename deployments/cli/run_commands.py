"""`trigger`, `runs`, `show`: runs by hand and their records."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any, cast, get_args

import typer

from compiler.diagnostics.diagnostic import did_you_mean
from compiler.plan import Plan
from deployments.cli.identity import acting
from deployments.cli.moments import moment
from deployments.cli.options import DEFAULT_STATE, Json, Project, RunId, State, Wide, run
from deployments.cli.output import console, print_json, print_rows
from deployments.errors import DeploymentError
from deployments.stack.connection import connect, open_records
from operations.errors import TriggerError
from operations.prefect_page import prefect_page
from operations.run_detail import row, run_detail
from operations.start_run import InvalidContext, active_plan, start_run, typed_context
from records import AuditEntry, Records, Run, RunStatus, run_cursor
from reliability import strict_json

STATUSES: tuple[str, ...] = get_args(RunStatus)


class InvalidStatus(DeploymentError):
    """`--status` names no status of a run."""


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("trigger")(trigger_command)
    app.command("runs")(runs_command)
    app.command("show")(show_command)


def trigger_command(
    workflow: Annotated[str, typer.Argument(help="Name of a deployed workflow.")],
    context: Annotated[
        list[str] | None,
        typer.Option(
            help="`key=value` (value as JSON, else text) or `@file.json`; may be repeated, later ones win."
        ),
    ] = None,
    state: State = DEFAULT_STATE,
    project: Project = 1,
    as_json: Json = False,
) -> None:
    """Start a workflow by hand."""
    run(_trigger(workflow, context or [], state=state, project_id=project, as_json=as_json))


def runs_command(
    workflow: Annotated[str | None, typer.Option(help="Only runs of this workflow.")] = None,
    status: Annotated[
        str | None, typer.Option(help=f"Only runs with this status: {', '.join(STATUSES)}.", metavar="STATUS")
    ] = None,
    trigger: Annotated[
        str | None, typer.Option(help="Only runs started by this: a NATS subject, schedule, manual, workflow.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Only runs started then or later: 2h, 3d, 2026-03-01T09:00.", metavar="TIME")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Only runs started before then.", metavar="TIME")] = None,
    limit: Annotated[int, typer.Option(help="How many, the newest first.", min=1, max=1_000)] = 20,
    cursor: Annotated[
        str | None, typer.Option(help="Go on behind the last run of an earlier list, which told this.")
    ] = None,
    state: State = DEFAULT_STATE,
    project: Project = 1,
    as_json: Json = False,
    wide: Wide = False,
) -> None:
    """List the runs on record, the newest first."""
    first, last = moment(since, option="--since"), moment(until, option="--until")
    chosen = {
        "workflow": workflow,
        "status": _status(status),
        "trigger": trigger,
        "since": first,
        "until": last,
        "after": cursor,
    }
    if first is not None and last is not None and first >= last:
        raise DeploymentError(f"--since {since} is not before --until {until}: no run is between them")
    run(_runs(chosen, limit=limit, state=state, project_id=project, as_json=as_json))


def show_command(
    run_id: RunId,
    state: State = DEFAULT_STATE,
    project: Project = 1,
    as_json: Json = False,
    wide: Wide = False,
) -> None:
    """Show one run: its nodes, agent runs, approvals, and all that happened to these."""
    run(_show(run_id, state=state, project_id=project, as_json=as_json))


def read_context(options: list[str], plan: Plan) -> dict[str, Any]:
    """`k=v` and `@file.json` options, merged from left to right, typed as the workflow declares its context."""
    merged: dict[str, Any] = {}
    for option in options:
        if option.startswith("@"):
            merged.update(_context_file(Path(option[1:])))
            continue
        key, equals, value = option.partition("=")
        if not equals or not key:
            raise InvalidContext(f"--context {option!r} is neither key=value nor @file.json")
        merged.update(typed_context([(key, value)], plan))
    return merged


def _context_file(path: Path) -> dict[str, Any]:
    try:
        # -sig: editors and shells of Windows put a byte-order mark in front.
        found: object = strict_json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as exc:
        raise InvalidContext(f"--context @{path}: {exc.strerror or exc}") from exc
    except ValueError as exc:
        raise InvalidContext(f"--context @{path}: {exc}") from exc
    if not isinstance(found, dict):
        raise InvalidContext(f"--context @{path}: the file must hold a JSON object")
    return cast("dict[str, Any]", found)


async def _trigger(workflow: str, options: list[str], *, state: Path, project_id: int, as_json: bool) -> None:
    from operations.launcher import Launcher  # with Prefect

    async with connect(state) as connection:
        me = await acting(connection.records, project_id=project_id, right="operator")
        try:
            plan = await active_plan(workflow, records=connection.records, project_id=project_id)
            started = await start_run(
                workflow,
                read_context(options, plan),
                records=connection.records,
                launch=Launcher(connection.prefect),
                project_id=project_id,
                trigger="manual",
                triggered_by=me.name,
                traceparent=os.environ.get("TRACEPARENT"),
            )
        except TriggerError as exc:
            raise DeploymentError(str(exc)) from exc
    link = prefect_page(connection.addresses.ui_url, started.flow_run_id)
    if as_json:
        print_json({"flowRunId": started.flow_run_id, "link": link})
    else:
        console.print(f"started {workflow}: {link}", highlight=False, soft_wrap=True)


def _status(text: str | None) -> str | None:
    """The status, however it is written. Raises `InvalidStatus`."""
    found = None if text is None else text.upper().replace("-", "_")
    if found is not None and found not in STATUSES:
        raise InvalidStatus(f"--status {text!r} is not a status of a run: give one of {', '.join(STATUSES)}")
    return found


async def _runs(chosen: dict[str, Any], *, limit: int, state: Path, project_id: int, as_json: bool) -> None:
    async with open_records(state) as records:
        # One more than asked for tells whether there is another page.
        found = await records.runs(project_id, **chosen, limit=limit + 1)
        if not found and chosen["workflow"] is not None:
            await _require_workflow(chosen["workflow"], records=records, project_id=project_id)
    rows = found[:limit]
    print_rows(
        [_without_outputs(each) for each in rows],
        columns=("id", "workflowName", "status", "startedAt", "message", "trigger"),
        wide_columns=("finishedAt", "triggeredBy", "flowRunId"),
        title="Runs",
        as_json=as_json,
    )
    if len(found) > limit:
        # Not among the rows: what reads them from a pipe reads rows only.
        sys.stderr.write(f"there are older runs: add --cursor {run_cursor(rows[-1])}\n")


async def _require_workflow(name: str, *, records: Records, project_id: int) -> None:
    """Raises DeploymentError where the project has never had a workflow of that name: no runs is not all to say."""
    known = [each.name for each in await records.workflows(project_id)]
    if name not in known:
        hint = did_you_mean(name, known) or "list them with `commandcenter workflows list`"
        raise DeploymentError(f"--workflow {name!r}: project {project_id} has no such workflow; {hint}")


def _without_outputs(listed: Run) -> dict[str, Any]:
    """A row of the list, which reads no outputs: null would look as if there were none."""
    return {name: value for name, value in row(listed).items() if name != "outputs"}


_PARTS = (
    ("nodes", "Nodes", ("nodeId", "item", "status", "reason"), ()),
    ("called", "Called runs", ("node", "runId", "workflowName", "status", "message"), ()),
    (
        "agentRuns",
        "Agent runs",
        ("nodeId", "agentName", "status", "attempt", "durationMs", "error"),
        ("startedAt", "finishedAt", "failureKind", "artifacts"),
    ),
    ("outputs", "Outputs", ("output", "value"), ()),
    (
        "approvals",
        "Approvals",
        ("nodeId", "status", "respondedBy", "verified", "channel", "notes", "digest"),
        ("requestedAt", "respondedAt", "deadline"),
    ),
    ("audit", "Audit", ("at", "node", "what", "digest"), ()),
)
"""Of a run, below the run itself: where it is, title, columns, columns of a wide table."""


async def _show(run_id: str, *, state: Path, project_id: int, as_json: bool) -> None:
    async with open_records(state) as records:
        detail = await run_detail(records, run_id, project_id=project_id)
    data = detail.as_json()
    if as_json:
        print_json(data)
        return
    print_rows(
        [data["run"]],
        columns=("id", "workflowName", "status", "startedAt", "message", "trigger"),
        wide_columns=("finishedAt", "triggeredBy", "flowRunId"),
        title="Run",
        as_json=False,
        on_page=True,
    )
    if data["run"]["parentRunId"]:
        parent = f"called by: run {data['run']['parentRunId']}, node {data['run']['parentNode']}"
        console.print(parent, highlight=False, markup=False)
    if data["run"]["executedBy"]:
        parts = ", ".join(f"{name} {text}" for name, text in data["run"]["executedBy"].items())
        console.print(f"executed by: {parts}", highlight=False, markup=False)
    outputs: dict[str, Any] = data["run"].get("outputs") or {}
    data["outputs"] = [{"output": name, "value": value} for name, value in outputs.items()]
    data["approvals"] = [_answered(each) for each in data["approvals"]]
    data["audit"] = [_told(each) for each in detail.audit]
    for part, title, columns, wide_columns in _PARTS:
        if data[part]:
            print_rows(
                data[part], columns=columns, wide_columns=wide_columns, title=title, as_json=False, on_page=True
            )


def _answered(approval: dict[str, Any]) -> dict[str, Any]:
    """The approval; whether a person is verified says nothing before one has answered."""
    return approval if approval["respondedBy"] else {**approval, "verified": None}


def _told(entry: AuditEntry) -> dict[str, Any]:
    """One line of the audit, as people read it."""
    known = "" if entry.verified else ", unverified"
    by = f" by {entry.by} ({entry.channel}{known})" if entry.by else ""
    notes = f": {entry.notes}" if entry.notes else ""
    digest = (entry.digest or "").removeprefix("sha256:")[:12]
    return {"at": entry.at, "node": entry.node_id, "what": f"{entry.event}{by}{notes}", "digest": digest}
