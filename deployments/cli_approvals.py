"""`approvals`, `approve`, `reject`: what waits for a person, and that person's word."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer
from pydantic import JsonValue

from deployments.cli_runs import as_value
from deployments.connection import connect
from deployments.errors import DeploymentError
from deployments.options import DEFAULT_STATE, Json, Project, State, person, run
from deployments.output import console, print_json, print_rows
from deployments.progress import approval_panel
from deployments.run_detail import row, run_detail
from records import Decision, Records, Verdict
from tasks.edits import Approver, EditRefused, approve_edited
from triggers.faults import Transient
from triggers.resume import resume

RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="Id of the run, or the beginning of it.")]
NodeArgument = Annotated[str, typer.Argument(metavar="NODE", help="Id of the node whose gate is decided.")]
Notes = Annotated[str, typer.Option(help="Why; goes on record.")]
By = Annotated[str | None, typer.Option("--by", help="Your name; by default the user of this terminal.")]

Digest = Annotated[str | None, typer.Option(help="Digest of the card you read; refused if another would run now.")]
Edits = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="FIELD=VALUE", help="Change an input that is marked as editable; may be repeated."
    ),
]
WAY = "cli"


class BadEdit(DeploymentError):
    """`--set` was not `field=value`, or the field may not be changed like that."""


@dataclass(frozen=True, kw_only=True)
class _Answer:
    decision: Verdict
    by: str
    notes: str
    digest: str | None
    edits: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])


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
    edits: Edits = None,
    digest: Digest = None,
    by: By = None,
    state: State = DEFAULT_STATE,
    project: Project = 1,
    as_json: Json = False,
) -> None:
    """Let a node run, with its inputs as they are asked for or as edited here."""
    answer = _Answer(
        decision="APPROVED", by=by or person(), notes=notes, digest=digest, edits=read_edits(edits or [])
    )
    run(_decide(answer, run_id, node, state=state, project_id=project, as_json=as_json))


def reject_command(
    run_id: RunArgument,
    node: NodeArgument,
    notes: Notes = "",
    digest: Digest = None,
    by: By = None,
    state: State = DEFAULT_STATE,
    project: Project = 1,
    as_json: Json = False,
) -> None:
    """Keep a node from running."""
    answer = _Answer(decision="REJECTED", by=by or person(), notes=notes, digest=digest)
    run(_decide(answer, run_id, node, state=state, project_id=project, as_json=as_json))


def read_edits(options: list[str]) -> dict[str, JsonValue]:
    """`field=value` options; a value is JSON where it can be read as such, else text. Raises `BadEdit`."""
    edits: dict[str, JsonValue] = {}
    for option in options:
        field, equals, value = option.partition("=")
        if not equals or not field:
            raise BadEdit(f"--set {option!r} is not field=value")
        edits[field] = as_value(value)
    return edits


async def _approvals(*, everything: bool, cards: bool, state: Path, project_id: int, as_json: bool) -> None:
    async with connect(state) as connection:
        found = await connection.records.approvals(project_id, status=None if everything else "PENDING")
        if cards:
            for each in found:
                await connection.records.record_view(each.id, by=person(), verified=False, way=WAY)
    print_rows(
        [row(each) for each in found],
        columns=("runId", "nodeId", "status", "requestedAt", "respondedBy", "way", "notes"),
        title="Approvals",
        as_json=as_json,
    )
    if cards and not as_json:
        for each in found:
            console.print(approval_panel(each.card))


async def _decide(answer: _Answer, run_id: str, node: str, *, state: Path, project_id: int, as_json: bool) -> None:
    async with connect(state) as connection:
        detail = await run_detail(connection.records, run_id, project_id=project_id)
        outcome = await _decided(answer, (detail.run.id, node), records=connection.records, project_id=project_id)
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


async def _decided(answer: _Answer, gate: tuple[str, str], *, records: Records, project_id: int) -> Decision:
    if answer.edits:
        asked = await records.question(gate, project_id=project_id)
        if asked.status == "PENDING" and answer.digest in (None, asked.digest):
            by = Approver(name=answer.by, verified=False, way=WAY)
            try:
                return await approve_edited(asked, answer.edits, by=by, notes=answer.notes, records=records)
            except EditRefused as exc:
                raise BadEdit(str(exc)) from exc
    return await records.decide(
        gate,
        decision=answer.decision,
        by=answer.by,
        verified=False,
        way=WAY,
        notes=answer.notes,
        digest=answer.digest,
        project_id=project_id,
    )
