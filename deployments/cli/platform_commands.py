"""`demo`, `up`, `api`, `env`, `db upgrade`, `doctor`: the platform itself.

A command imports what it runs when it is called: `env` needs nothing, `up` needs Prefect.
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from deployments.cli.options import DEFAULT_STATE, Json, Project, State, run
from deployments.cli.output import console
from deployments.cli.part_commands import served_by
from deployments.stack.addresses import addresses_of
from deployments.stack.state_folder import StateFolder
from reliability.settings import StackSettings

PrefectPort = Annotated[int | None, typer.Option(help="Port of Prefect's server; a free one is found by default.")]
NatsPort = Annotated[int | None, typer.Option(help="Port of NATS; a free one is found by default.")]
DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        envvar="DATABASE_URL", help="Records database: postgresql://… or sqlite:///…; SQLite by default."
    ),
]
db = typer.Typer(help="The records database.")


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("demo")(demo_command)
    app.command("up")(up_command)
    app.command("api")(api_command)
    app.command("env")(env_command)
    app.command("doctor")(doctor_command)
    app.add_typer(db, name="db")


def demo_command(
    workflow: Annotated[str, typer.Option(help="Which of the two workflows to run.")] = "security-audit-deploy",
    approve: Annotated[bool, typer.Option("--approve", help="Approve without asking, for scripts.")] = False,
    reject: Annotated[bool, typer.Option("--reject", help="Reject without asking, for scripts.")] = False,
    notes: Annotated[str, typer.Option(help="Notes of the automatic decision.")] = "",
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Show all records at the end, and the event as NATS delivered it.")
    ] = False,
    observe: Annotated[
        bool, typer.Option("--observe", help="Serve metrics, and read them with Prometheus where it is installed.")
    ] = False,
    attach: Annotated[
        bool, typer.Option("--attach", help="Use the platform that the environment names instead of starting one.")
    ] = False,
    state: State = DEFAULT_STATE,
    prefect_port: PrefectPort = None,
    nats_port: NatsPort = None,
) -> None:
    """Run the main job on a real stack that is started for it: a code change, agents, an approval, a fix."""
    from deployments.demo.demo import DemoOptions, demo

    if approve and reject:
        raise typer.BadParameter("give --approve or --reject, not both")
    answer = "approve" if approve else "reject" if reject else None
    settings = StackSettings(state=state, prefect_port=prefect_port, nats_port=nats_port, database_url=None)
    if observe and attach:
        raise typer.BadParameter("give --observe or --attach, not both: what is observed is what the demo starts")
    options = DemoOptions(
        workflow=workflow,
        answer=answer,
        notes=notes,
        verbose=verbose,
        settings=settings,
        attach=attach,
        observe=observe,
    )
    worked = run(demo(options))
    raise typer.Exit(0 if worked else 1)


def up_command(
    workflows: Annotated[Path, typer.Option(help="Folder of workflows to deploy at the start.")] = Path(
        "workflows"
    ),
    host: Annotated[str, typer.Option(help="Where Prefect's server listens.")] = "127.0.0.1",
    repositories: Annotated[
        list[Path] | None,
        typer.Option(help="Folder in which repositories named by events may lie; may be repeated."),
    ] = None,
    state: State = DEFAULT_STATE,
    project: Project = 1,
    prefect_port: PrefectPort = None,
    nats_port: NatsPort = None,
    prefect_api_url: Annotated[
        str | None,
        typer.Option(
            envvar="COMMANDCENTER_PREFECT_API_URL",
            help="Use this Prefect server, ending in /api, and start none; PREFECT_API_AUTH_STRING signs in.",
        ),
    ] = None,
    nats_url: Annotated[
        str | None,
        typer.Option(
            envvar="COMMANDCENTER_NATS_URL",
            help="Use this NATS server, which needs JetStream, and start none: nats://host:4222. "
            "One with a password goes into the variable, since others can read a command line.",
        ),
    ] = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Run the platform in the foreground until Ctrl-C."""
    from deployments.stack.up import serve

    settings = StackSettings(
        state=state,
        host=host,
        prefect_port=prefect_port,
        nats_port=nats_port,
        given_prefect_api_url=prefect_api_url,
        given_nats_url=nats_url,
        database_url=database_url,
        project_id=project,
    )
    run(serve(settings, workflows=workflows, repositories=repositories or [], project_id=project))


def api_command(
    people: Annotated[
        Path | None,
        typer.Option(
            envvar="COMMANDCENTER_PEOPLE",
            help="JSON file of people beside those of `commandcenter people`: "
            '{"<sha256 of a token>": {"name": "Ann", "projectId": 1, "roles": ["viewer"]}}.',
        ),
    ] = None,
    host: Annotated[str, typer.Option(help="Where the API listens.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port of the API.")] = 9002,
    agents: Annotated[
        list[Path] | None, typer.Option(help="Folder below which agents may be registered; may be repeated.")
    ] = None,
    state: State = DEFAULT_STATE,
) -> None:
    """Serve agents, workflows, runs and approvals over HTTP until Ctrl-C; workflows it is given are deployed."""
    from deployments.images.health import check_by_url
    from deployments.stack.http_api import ApiOptions, serve_api

    check_by_url(f"{served_by()}://{'127.0.0.1' if host in ('0.0.0.0', '::') else host}:{port}/health")
    run(serve_api(ApiOptions(host=host, port=port, people=people, agents=agents or []), state=state))


def env_command(state: State = DEFAULT_STATE) -> None:
    """Print the environment of the running platform for a shell: `eval "$(commandcenter env)"`."""
    addresses = addresses_of(state)
    for name, value in addresses.env().items():
        print(f"export {name}={shlex.quote(value)}")
    if missing := [name for name in addresses.secrets if not os.environ.get(name)]:
        # Not among what the shell reads.
        sys.stderr.write(
            f"not printed, as they are secrets: {', '.join(missing)}. Give them to a further worker as well, or put "
            f"them into files in {Path(addresses.state) / 'secrets'}, which every worker on this machine reads.\n"
        )


@db.command("upgrade")
def upgrade_command(state: State = DEFAULT_STATE, database_url: DatabaseUrl = None, as_json: Json = False) -> None:
    """Create or migrate the tables of the records database."""
    from records import upgrade

    StateFolder(state).create()
    url = database_url or f"sqlite:///{state.absolute() / 'records.db'}"
    revision = run(upgrade(url))
    if as_json:
        console.print_json(data={"revision": revision})
    else:
        console.print(f"records database is at revision {revision}")


@db.command("roles")
def roles_command(database_url: DatabaseUrl = None) -> None:
    """Make the roles owner, platform and reader in PostgreSQL, with their rights. Safe to repeat."""
    from records import make_roles

    for role in run(make_roles(database_url or "sqlite:///records.db")):
        console.print(f"{role}: GRANT {role} TO <login>", markup=False, highlight=False)


def doctor_command(state: State = DEFAULT_STATE, as_json: Json = False) -> None:
    """Check this installation and suggest fixes. Exit status 1 where the demo could not run."""
    from deployments.stack.doctor import examine, print_findings

    findings = run(examine(state))
    print_findings(findings, as_json=as_json)
    raise typer.Exit(0 if all(each.ok for each in findings if each.needed) else 1)
