"""`people`, `tokens`, `sign-in`, `login`: who may use the API and the console, and what for.

These commands open the records themselves: whoever has the database and the key of the platform is its admin.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from deployments.cli.identity import acting
from deployments.cli.options import DEFAULT_STATE, Json, Project, State, Wide, person, run
from deployments.cli.output import console, is_terminal, print_json, print_rows
from deployments.stack.addresses import records_url, running
from deployments.stack.machine_admin import console_link, ensure_machine_admin
from operations.people import (
    InvalidRole,
    IssuedToken,
    grant_roles,
    grant_token,
    map_slack_user,
    revoke_token,
    take_roles,
)
from operations.provider_sign_in import link_person
from records import Records
from records.people.person import ROLES, PersonRecord, TokenRecord
from records.people.slack_store import SlackIdentity

people = typer.Typer(help="People who may use the API and the console.", no_args_is_help=True)
tokens = typer.Typer(help="Their tokens.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The person's name, as approvals record it.")]
RoleOption = Annotated[
    list[str] | None, typer.Option("--role", help=f"One of {', '.join(ROLES)}; may be repeated.")
]
DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        envvar="DATABASE_URL", help="Records database; that of the platform on the state folder by default."
    ),
]
AllProjects = Annotated[bool, typer.Option("--all-projects", help="In every project, instead of one.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.add_typer(people, name="people")
    app.add_typer(tokens, name="tokens")
    app.command("sign-in")(sign_in_command)
    app.command("login")(login_command)


@people.command("add")
def add_command(
    name: Name,
    roles: RoleOption = None,
    state: State = DEFAULT_STATE,
    project: Project = 1,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Give somebody roles in the project. Make a token for them next: `commandcenter tokens add NAME`."""

    async def add() -> PersonRecord:
        async with opened(state, database_url, make=True) as records:
            me = await acting(records, project_id=project, right="admin")
            return await grant_roles(name, records=records, project_id=project, roles=roles or [], by=me.acting)

    _print_people([_checked(add())], as_json=as_json)


@people.command("link")
def link_command(
    name: Name,
    subject: Annotated[str, typer.Option(help="Who they are for the provider: its `sub`, not a name.")],
    issuer: Annotated[
        str, typer.Option(envvar="COMMANDCENTER_OIDC_ISSUER", help="The provider, as its metadata name it.")
    ],
    state: State = DEFAULT_STATE,
    project: Project = 1,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Let somebody whom a provider signs in be this person. Names alone link nobody."""

    async def link() -> PersonRecord:
        async with opened(state, database_url) as records:
            me = await acting(records, project_id=project, right="admin")
            return await link_person(
                name, issuer=issuer, subject=subject, by=me.acting, project_id=project, records=records
            )

    _print_people([_checked(link())], as_json=as_json)


@people.command("list")
def list_command(
    everywhere: AllProjects = False,
    state: State = DEFAULT_STATE,
    project: Project = 1,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
    wide: Wide = False,
) -> None:
    """List people with their roles."""

    async def found() -> list[PersonRecord]:
        async with opened(state, database_url) as records:
            return await records.people(None if everywhere else project)

    _print_people(run(found()), as_json=as_json)


@people.command("revoke")
def revoke_command(
    name: Name,
    roles: RoleOption = None,
    everywhere: AllProjects = False,
    state: State = DEFAULT_STATE,
    project: Project = 1,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Take roles away, all of the project by default. It counts at once; tokens go with the last role."""

    async def revoke() -> PersonRecord:
        async with opened(state, database_url) as records:
            where = None if everywhere else project
            me = await acting(records, project_id=project, right="admin")
            return await take_roles(
                name, records=records, by=me.acting, asked_in=project, project_id=where, roles=roles
            )

    _print_people([_checked(revoke())], as_json=as_json)


@people.command("slack")
def slack_command(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="The person; none: list who is mapped.")
    ] = None,
    team: Annotated[str | None, typer.Option(help="Id of the Slack workspace: T…")] = None,
    user: Annotated[str | None, typer.Option(help="Id of the Slack user: U… or W…")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="That user is nobody from now on.")] = False,
    state: State = DEFAULT_STATE,
    project: Project = 1,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Say which person a user of Slack is: their presses of approval buttons count as that person's decisions."""
    if (name is not None or remove) and (not team or not user):
        raise typer.BadParameter("give both --team and --user, as Slack's profile page shows them")

    async def change() -> list[SlackIdentity]:
        async with opened(state, database_url) as records:
            me = await acting(records, project_id=project, right="admin") if remove or name is not None else None
            if remove:
                await records.unmap_slack_user(team or "", user or "")
            elif name is not None and me is not None:
                given = {"team": team or "", "user": user or ""}
                await map_slack_user(name, **given, records=records, by=me.acting, project_id=project)
            return await records.slack_users()

    print_rows(
        [
            {"person": each.person, "team": each.team_id, "user": each.user_id, "by": each.created_by}
            for each in _checked(change())
        ],
        columns=("person", "team", "user", "by"),
        title="Users of Slack",
        as_json=as_json,
    )


@tokens.command("add")
def add_token_command(
    name: Name,
    roles: RoleOption = None,
    days: Annotated[int, typer.Option(min=1, max=3650, help="Days until it expires.")] = 90,
    label: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    everywhere: AllProjects = False,
    state: State = DEFAULT_STATE,
    project: Project = 1,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Make a token and print it once. It opens the project with the person's roles, or with those given here."""

    async def add() -> IssuedToken:
        async with opened(state, database_url) as records:
            me = await acting(records, project_id=project, right="admin")
            return await grant_token(
                name,
                records=records,
                by=me.acting,
                asked_in=project,
                project_id=None if everywhere else project,
                roles=roles,
                lifetime=timedelta(days=days),
                label=label,
            )

    _print_token(_checked(add()), as_json=as_json)


@tokens.command("list")
def list_tokens_command(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Whose; everybody's if left out.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Expired and revoked ones too.")] = False,
    state: State = DEFAULT_STATE,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
    wide: Wide = False,
) -> None:
    """List tokens: whose, what they open, when they were used and when they end."""

    async def found() -> list[TokenRecord]:
        async with opened(state, database_url) as records:
            return await records.tokens(name)

    rows = [_token_row(each) for each in run(found())]
    print_rows(
        [row for row in rows if everything or row["state"] == "active"],
        columns=("id", "person", "roles", "project", "label", "state", "lastUsedAt", "expiresAt"),
        wide_columns=("kind", "createdAt", "createdBy", "revokedAt", "revokedBy"),
        title="Tokens",
        as_json=as_json,
    )


@tokens.command("revoke")
def revoke_token_command(
    token: Annotated[str, typer.Argument(metavar="ID", help="Id of the token, or the beginning of it.")],
    state: State = DEFAULT_STATE,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Revoke a token: from the next request on, it and the browsers that it signed in open nothing."""

    async def revoke() -> TokenRecord:
        async with opened(state, database_url) as records:
            return await revoke_token(token, records=records, by=person())

    revoked = run(revoke())
    if as_json:
        print_json(_token_row(revoked))
    else:
        console.print(f"token {revoked.id} of {revoked.person} is revoked", markup=False, highlight=False)


ApiUrl = Annotated[str, typer.Option(envvar="COMMANDCENTER_API_URL", help="Address of the HTTP API.")]
OwnApiUrl = Annotated[
    str | None,
    typer.Option(
        envvar="COMMANDCENTER_API_URL",
        help="Address of the HTTP API; that of the platform on the state folder by default.",
    ),
]
_HERE = "http://127.0.0.1:9002"


def login_command(api_url: ApiUrl = _HERE) -> None:
    """Sign in by the provider of your organisation: `eval "$(commandcenter login)"`. It lasts for twelve hours.

    Prints a line for the shell, which sets COMMANDCENTER_TOKEN; the token is stored nowhere.
    """
    from deployments.cli.login import sign_in_by_code  # with httpx

    token = run(sign_in_by_code(api_url, say=lambda line: typer.echo(line, err=True)))
    print(f"export COMMANDCENTER_TOKEN={shlex.quote(token)}")


def sign_in_command(
    api_url: OwnApiUrl = None,
    state: State = DEFAULT_STATE,
    project: Project = 1,
    database_url: DatabaseUrl = None,
) -> None:
    """Print a link that signs a browser in to the console as admin of this machine. It works once."""

    async def link() -> str:
        async with opened(state, database_url, make=True) as records:
            name = await ensure_machine_admin(records, state=state.absolute(), project_id=project)
            here = running(state)
            address = api_url or (here.console_url if here else "") or _HERE
            return await console_link(records, api_url=address, name=name)

    print(run(link()))


@asynccontextmanager
async def opened(state: Path, database_url: str | None, *, make: bool = False) -> AsyncGenerator[Records]:
    """The records that the URL names, else those of the platform on `state`.

    `make`: what comes before the first `up`; the tables are made or brought to this version. Others raise NotMigrated.
    """
    url = database_url or records_url(state)
    if make and running(state) is None:
        from records import upgrade  # with Alembic

        if url.startswith("sqlite") and not database_url and not (state / "records.db").exists():
            # Else whoever meant another folder's platform gets a token that it does not know.
            typer.echo(
                f"No platform has run on '{state.absolute()}' yet: its records begin now. For one that runs on another "
                "folder, give --state.",
                err=True,
            )
        await upgrade(url)
    async with await Records.open(url) as records:
        yield records


def _checked(coroutine: Any) -> Any:
    try:
        return run(coroutine)
    except InvalidRole as exc:
        raise typer.BadParameter(str(exc)) from exc


def _print_people(found: Sequence[PersonRecord], *, as_json: bool) -> None:
    rows = [
        {
            "name": each.name,
            "roles": "; ".join(f"project {project}: {', '.join(roles)}" for project, roles in each.roles.items()),
            "createdAt": each.created_at,
            "createdBy": each.created_by,
        }
        for each in found
    ]
    if as_json:
        print_json([asdict(each) for each in found])
        return
    print_rows(
        rows, columns=("name", "roles"), wide_columns=("createdAt", "createdBy"), title="People", as_json=False
    )


def _print_token(issued: IssuedToken, *, as_json: bool) -> None:
    if as_json:
        print_json({"token": issued.text, **_token_row(issued.record)})
        return
    if is_terminal():
        ends = issued.record.expires_at
        until = f" until {ends:%Y-%m-%d}" if ends else ""
        sys.stderr.write(f"Token of {issued.record.person}{until}; it is shown only now:\n")
    print(issued.text)


def _token_row(record: TokenRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "person": record.person,
        "kind": record.kind,
        "roles": "all" if record.roles is None else ", ".join(record.roles),
        "project": "all" if record.project_id is None else record.project_id,
        "label": record.label,
        "state": record.state(datetime.now(UTC)),
        "lastUsedAt": record.last_used_at,
        "expiresAt": record.expires_at,
        "createdAt": record.created_at,
        "createdBy": record.created_by,
        "revokedAt": record.revoked_at,
        "revokedBy": record.revoked_by,
    }
