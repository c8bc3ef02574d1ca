"""`approvals`, `approve`, `reject`: what waits for a person, and that person's word."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from deployments.connection import connect
from deployments.options import DEFAULT_STATE, Json, Project, State, person, run
from deployments.output import console, print_json, print_rows
from deployments.progress import approval_panel
from deployments.run_detail import row, run_detail
from records import Verdict
from triggers.faults import Transient
from triggers.resume import resume

RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="Id of the run, or the beginning of it.")]
NodeArgument = Annotated[str, typer.Argument(metavar="NODE", help="Id of the node whose gate is decided.")]
Notes = Annotated[str, typer.Option(help="Why; goes on record.")]
By = Annotated[str | None, typer.Option("--by", help="Your name; by default the user of this terminal.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("approvals")(approvals_command)
    app.command("approve")(approve_command)
    app.command("reject")(reject_command)


def approvals_command(
    everything: Annotated[bool, typer.Option("--all", help="Decided ones too.")] = False,
    cards: Annotated[bool, typer.Option("--cards", help="Show exactly what will run.")] = False,
    state: State = DEFAULT_STATE,
    project: Project = 1,
    as_json: Json = False,
) -> None:
    """List what waits for a decision."""
    run(_approvals(everything=everything, cards=cards, state=state, project_id=project, as_json=as_json))


def approve_command(
    run_id: RunArgument,
    node: NodeArgument,
    notes: Notes = "",
    by: By = None,
    state: State = DEFAULT_STATE,
    project: Project = 1,
    as_json: Json = False,
) -> None:
    """Let a node run."""
    run(_decide("APPROVED", run_id, node, notes=notes, by=by, state=state, project_id=project, as_json=as_json))


def reject_command(
    run_id: RunArgument,
    node: NodeArgument,
    notes: Notes = "",
    by: By = None,
    state: State = DEFAULT_STATE,
    project: Project = 1,
    as_json: Json = False,
) -> None:
    """Keep a node from running."""
    run(_decide("REJECTED", run_id, node, notes=notes, by=by, state=state, project_id=project, as_json=as_json))


async def _approvals(*, everything: bool, cards: bool, state: Path, project_id: int, as_json: bool) -> None:
    async with connect(state) as connection:
        found = await connection.records.approvals(project_id, status=None if everything else "PENDING")
    print_rows(
        [row(each) for each in found],
        columns=("runId", "nodeId", "status", "requestedAt", "respondedBy", "way", "notes"),
        title="Approvals",
        as_json=as_json,
    )
    if cards and not as_json:
        for each in found:
            console.print(approval_panel(each.card))


async def _decide(
    decision: Verdict,
    run_id: str,
    node: str,
    *,
    notes: str,
    by: str | None,
    state: Path,
    project_id: int,
    as_json: bool,
) -> None:
    async with connect(state) as connection:
        detail = await run_detail(connection.records, run_id, project_id=project_id)
        outcome = await connection.records.decide(
            (detail.run.id, node),
            decision=decision,
            by=by or person(),
            verified=False,
            way="cli",
            notes=notes,
            project_id=project_id,
        )
        if outcome.applied:
            # Where Prefect is away, the decision stands and the platform's own loop wakes the run.
            with suppress(Transient):
                await resume(connection.prefect, detail.flow_run_id)
    if as_json:
        print_json({"applied": outcome.applied, "status": outcome.status, "message": outcome.reason})
    else:
        console.print(outcome.reason, markup=False, highlight=False)
    if not outcome.counted:
        raise typer.Exit(1)
