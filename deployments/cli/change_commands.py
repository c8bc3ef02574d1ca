"""`changes list|confirm`: what waits for a second person, in production mode."""

from __future__ import annotations

from typing import Annotated

import typer

from deployments.cli.identity import acting
from deployments.cli.options import DEFAULT_STATE, Json, Project, State, Wide, run
from deployments.cli.output import console, print_rows
from deployments.cli.people_commands import DatabaseUrl, opened
from operations.second_person import confirm_change
from records.people.change_store import ChangeRequest
from tasks.safe_text import safe_text

changes = typer.Typer(help="Changes that wait for a second person.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.add_typer(changes, name="changes")


@changes.command("list")
def list_command(
    state: State = DEFAULT_STATE,
    project: Project = 1,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
    wide: Wide = False,
) -> None:
    """List changes that were asked for and not made yet."""

    async def found() -> list[ChangeRequest]:
        async with opened(state, database_url) as records:
            return await records.change_requests(project)

    rows = [
        {
            "id": each.id,
            "kind": each.kind,
            "requestedBy": each.requested_by,
            "confirmedBy": each.confirmed_by,
            "what": each.summary,
            "digest": each.digest,
            "requestedAt": each.requested_at,
        }
        for each in run(found())
    ]
    columns = ("id", "kind", "requestedBy", "confirmedBy", "what")
    print_rows(rows, columns=columns, wide_columns=("digest", "requestedAt"), title="Changes", as_json=as_json)


@changes.command("confirm")
def confirm_command(
    change: Annotated[str, typer.Argument(metavar="ID", help="Id of the change, or the beginning of it.")],
    state: State = DEFAULT_STATE,
    project: Project = 1,
    database_url: DatabaseUrl = None,
) -> None:
    """Agree to a change that somebody else asked for, as admin: the token in COMMANDCENTER_TOKEN says who you are."""

    async def confirm() -> ChangeRequest:
        async with opened(state, database_url) as records:
            me = await acting(records, project_id=project, right="admin")
            return await confirm_change(change, by=me.acting, project_id=project, records=records)

    done = run(confirm())
    text = f"confirmed: {safe_text(done.summary)}\n{safe_text(done.requested_by)} can do it now"
    console.print(text, markup=False, highlight=False)
