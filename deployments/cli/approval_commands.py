"""`approvals`, `approve`, `reject`: what waits for a person, and that person's word."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from pydantic import JsonValue

from deployments.cli.approval_card import print_card
from deployments.cli.identity import acting
from deployments.cli.options import DEFAULT_STATE, Json, Project, RunId, State, Wide, person, run
from deployments.cli.output import print_json, print_rows
from deployments.cli.terminal_decision import CHANNEL, InvalidEdit, decide_and_wake, tell, typed
from deployments.errors import DeploymentError
from deployments.stack.connection import connect, open_records
from operations.decide import DecisionRequest
from operations.run_detail import row, run_detail
from operations.start_run import InvalidContext, typed_value
from tasks.safe_text import safe_text


class NotCounted(DeploymentError):
    """A decision that does not count; the message says why."""


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
    wide: Wide = False,
) -> None:
    """List what waits for a decision."""
    run(_approvals(everything=everything, cards=cards, state=state, project_id=project, as_json=as_json))


def approve_command(
    run_id: RunId,
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
    word = typed("APPROVED", by=by or "", notes=notes, digest=digest, edits=read_edits(edits or []))
    run(_decide(word, run_id, node, state=state, project_id=project, as_json=as_json))


def reject_command(
    run_id: RunId,
    node: NodeArgument,
    notes: Notes = "",
    digest: Digest = None,
    by: By = None,
    state: State = DEFAULT_STATE,
    project: Project = 1,
    as_json: Json = False,
) -> None:
    """Keep a node from running."""
    word = typed("REJECTED", by=by or "", notes=notes, digest=digest)
    run(_decide(word, run_id, node, state=state, project_id=project, as_json=as_json))


def read_edits(options: list[str]) -> dict[str, JsonValue]:
    """`field=value` options; values are read as those of `--context` are. Raises `InvalidEdit`."""
    edits: dict[str, JsonValue] = {}
    for option in options:
        field, equals, value = option.partition("=")
        if not equals or not field:
            raise InvalidEdit(f"--set {option!r} is not field=value")
        try:
            edits[field] = typed_value(value, key=field)
        except InvalidContext as exc:
            raise InvalidEdit(f"--set {exc}") from exc
    return edits


async def _approvals(*, everything: bool, cards: bool, state: Path, project_id: int, as_json: bool) -> None:
    async with open_records(state) as records:
        found = await records.approvals(project_id, status=None if everything else "PENDING")
        if cards:
            for each in found:
                await records.record_view(each.id, by=person(), verified=False, channel=CHANNEL)
    print_rows(
        [row(each) for each in found],
        columns=("runId", "nodeId", "status", "requestedAt", "workflowName", "respondedBy", "channel", "notes"),
        wide_columns=("deadline", "digest", "verified"),
        title="Approvals",
        as_json=as_json,
    )
    if cards and not as_json:
        for each in found:
            print_card(each.card, of=f"{each.workflow_name}, run {each.run_id[:8]}")


async def _decide(
    word: DecisionRequest, run_id: str, node: str, *, state: Path, project_id: int, as_json: bool
) -> None:
    async with connect(state) as connection:
        me = await acting(connection.records, project_id=project_id, right="approver", by=word.by or None)
        word = replace(word, by=me.name, verified=me.verified)
        run = (await run_detail(connection.records, run_id, project_id=project_id)).run
        decision = await decide_and_wake(
            word, (run.id, node), flow_run_id=run.flow_run_id or "", project_id=project_id, connection=connection
        )
    if as_json:
        print_json({"applied": decision.applied, "status": decision.status, "message": decision.reason})
    elif decision.counted:
        tell(decision)
    else:
        raise NotCounted(safe_text(decision.reason, limit=1_000))
    if not decision.counted:
        raise typer.Exit(1)
