"""`projects`, `publishers`: what each project may use, and which programs publish its events."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from deployments.cli.identity import acting
from deployments.cli.options import DEFAULT_STATE, Json, Project, State, Wide, run
from deployments.cli.output import console, print_json, print_rows
from deployments.cli.people_commands import DatabaseUrl, opened
from deployments.stack.addresses import Addresses, NotRunning, addresses_of, running
from deployments.stack.connection import connect_to
from deployments.stack.nats_accounts import Publisher, accounts
from deployments.stack.nats_server import PLATFORM, apply_publishers
from operations.project_queues import apply_limits
from operations.publishers import IssuedPublisher, add_publisher, revoke_publisher
from records import Records
from records.projects.limits import ProjectLimits
from records.projects.publishers import PublisherRecord
from triggers.nats.event_subjects import take_subjects_now

projects = typer.Typer(help="What each project may use.", no_args_is_help=True)
publishers = typer.Typer(help="Programs that publish events of a project.", no_args_is_help=True)

_NO_LIMIT = 0
_PLACEHOLDER = "$PLATFORM_PASSWORD"
_INCLUDE = (
    "include what `commandcenter publishers config` prints in its settings, and `nats-server --signal reload` it"
)
Name = Annotated[str, typer.Argument(metavar="NAME", help="The user by which it signs in to NATS.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.add_typer(projects, name="projects")
    app.add_typer(publishers, name="publishers")


@projects.command("set")
def set_command(
    project: Annotated[int, typer.Argument(min=1, help="Id of the project.")],
    weight: Annotated[
        int | None, typer.Option(min=1, max=100, help="Its share where projects wait for each other.")
    ] = None,
    runs: Annotated[
        int | None, typer.Option(min=0, help="Runs in the hands of workers at a time; 0: no limit.")
    ] = None,
    agents_at_once: Annotated[
        int | None, typer.Option(min=0, help="Agents that a worker runs for it at a time; 0: no limit.")
    ] = None,
    messages: Annotated[int | None, typer.Option(min=1, help="Events that may wait.")] = None,
    event_bytes: Annotated[
        int | None, typer.Option("--bytes", min=1, help="Bytes of events that may wait.")
    ] = None,
    workflows: Annotated[int | None, typer.Option(min=1, help="Workflows that are not archived.")] = None,
    agents: Annotated[int | None, typer.Option(min=1, help="Registered agents.")] = None,
    state: State = DEFAULT_STATE,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Set what a project may use; what is not named stays. What is there already stays as well."""
    given: dict[str, Any] = {
        "weight": weight,
        "event_messages": messages,
        "event_bytes": event_bytes,
        "workflows": workflows,
        "agents": agents,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    for name, value in (("runs_at_once", runs), ("agents_at_once", agents_at_once)):
        if value is not None:
            changes[name] = None if value == _NO_LIMIT else value

    async def change() -> ProjectLimits:
        async with opened(state, database_url, make=True) as records:
            me = await acting(records, project_id=project, right="admin")
            limits = replace(await records.project_limits(project), **changes)
            await records.set_project_limits(limits, by=me.name)
        if (here := running(state)) is not None:
            async with connect_to(here) as connection:
                await apply_limits(connection.prefect, here.pool, [limits])
        return limits

    _print_limits([run(change())], as_json=as_json)


@projects.command("list")
def list_command(
    state: State = DEFAULT_STATE, database_url: DatabaseUrl = None, as_json: Json = False, wide: Wide = False
) -> None:
    """List projects with limits of their own, and those that have publishers."""

    async def found() -> list[ProjectLimits]:
        async with opened(state, database_url) as records:
            known = {each.project_id: each for each in await records.event_projects()}
            return list(({**known, **await records.all_project_limits()}).values())

    _print_limits(run(found()), as_json=as_json)


@publishers.command("add")
def add_command(
    name: Name,
    state: State = DEFAULT_STATE,
    project: Project = 1,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Let a program publish events of the project, and print its credentials once.

    It can do nothing else: its events belong to the project whatever they say, and it reads no stream.
    """

    async def add() -> tuple[IssuedPublisher, Addresses | None]:
        async with opened(state, database_url, make=True) as records:
            me = await acting(records, project_id=project, right="admin")
            made = await add_publisher(name, records=records, project_id=project, by=me.name)
            return made, await _tell_nats(state, records)

    made, here = run(add())
    url = _url(made, here)
    if as_json:
        known = {"natsKnows": _is_embedded(here)}
        print_json({"name": name, "projectId": project, "password": made.password, "url": url, **known})
        return
    console.print(f"publisher {name} of project {project}; shown this once:", highlight=False)
    console.print(url or made.password, highlight=False, markup=False, soft_wrap=True)
    if not _is_embedded(here):
        console.print(f"Your NATS server does not know it yet: {_INCLUDE}", highlight=False, soft_wrap=True)


@publishers.command("list")
def list_publishers_command(
    everywhere: Annotated[bool, typer.Option("--all-projects", help="Of every project, instead of one.")] = False,
    state: State = DEFAULT_STATE,
    project: Project = 1,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
    wide: Wide = False,
) -> None:
    """List publishers."""

    async def found() -> list[PublisherRecord]:
        async with opened(state, database_url) as records:
            return await records.publishers(None if everywhere else project, revoked=True)

    _print_publishers(run(found()), as_json=as_json)


@publishers.command("revoke")
def revoke_command(
    name: Name, state: State = DEFAULT_STATE, database_url: DatabaseUrl = None, as_json: Json = False
) -> None:
    """Let a program publish nothing any more: the embedded NATS closes its connection."""

    async def revoke() -> tuple[PublisherRecord, Addresses | None]:
        async with opened(state, database_url) as records:
            known = await records.publishers(revoked=True)
            of = next((each.project_id for each in known if each.name == name), 1)
            me = await acting(records, project_id=of, right="admin")
            gone = await revoke_publisher(name, records=records, by=me.name)
            return gone, await _tell_nats(state, records)

    gone, here = run(revoke())
    _print_publishers([gone], as_json=as_json)
    if not _is_embedded(here) and not as_json:
        console.print(f"Your NATS server knows it still: {_INCLUDE}", highlight=False, soft_wrap=True)


@publishers.command("config")
def config_command(state: State = DEFAULT_STATE, database_url: DatabaseUrl = None) -> None:
    """Print the accounts for a NATS server of your own, to be included in its settings.

    The platform's password is the variable PLATFORM_PASSWORD of the server's environment; publishers stand there as
    bcrypt hashes. After a change: `nats-server --signal reload`.
    """

    async def found() -> list[PublisherRecord]:
        async with opened(state, database_url) as records:
            return await records.publishers()

    known = [
        Publisher(name=each.name, password=each.password_hash, project_id=each.project_id)
        for each in run(found())
        if each.password_hash.startswith("$2")
    ]
    text = json.dumps(accounts(platform=(PLATFORM, _PLACEHOLDER), publishers=known), indent=2)
    console.print(
        f"accounts: {text.replace(json.dumps(_PLACEHOLDER), _PLACEHOLDER)}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


async def _tell_nats(state: Path, records: Records) -> Addresses | None:
    """Have the embedded server know, and the stream stand. Where the platform is; None: not on this machine."""
    here = running(state)
    if here is not None:
        await apply_publishers(here, records)
        await take_subjects_now(here.nats_url, records)
        return here
    try:
        elsewhere = addresses_of(state)
    except NotRunning:
        return None
    await take_subjects_now(elsewhere.nats_url, records)
    return None


def _is_embedded(here: Addresses | None) -> bool:
    """Whether the platform's NATS is its own, which knows every publisher at once."""
    return here is not None and bool(here.publisher_url)


def _url(made: IssuedPublisher, here: Addresses | None) -> str | None:
    if here is None:
        return None
    return f"nats://{made.record.name}:{made.password}@{urlsplit(here.nats_url).netloc.rpartition('@')[2]}"


def _print_limits(found: list[ProjectLimits], *, as_json: bool) -> None:
    columns = (
        "projectId",
        "weight",
        "runsAtOnce",
        "agentsAtOnce",
        "eventMessages",
        "eventBytes",
        "workflows",
        "agents",
    )
    print_rows([each.as_json() for each in found], columns=columns, title="projects", as_json=as_json)


def _print_publishers(found: list[PublisherRecord], *, as_json: bool) -> None:
    rows = [
        {
            "name": each.name,
            "projectId": each.project_id,
            "createdAt": each.created_at,
            "createdBy": each.created_by,
            "revokedAt": each.revoked_at,
        }
        for each in found
    ]
    columns = ("name", "projectId", "createdAt", "createdBy", "revokedAt")
    print_rows(rows, columns=columns, title="publishers", as_json=as_json)
