"""`backup`, `restore`: all that the platform has on record, in a file, and back."""

from __future__ import annotations

import shlex
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from deployments.backup.backup import BackedUp, backup
from deployments.backup.manifest import MANIFEST
from deployments.backup.places import places_of
from deployments.backup.restore import Restored, restore
from deployments.cli.options import DEFAULT_STATE, Json, State, run
from deployments.cli.output import console, print_json

DatabaseUrl = Annotated[
    str | None,
    typer.Option(envvar="DATABASE_URL", help="Records database; that of the state folder by default."),
]


class BackupPart(StrEnum):
    """What a backup may leave out."""

    PREFECT = "prefect"
    STREAMS = "streams"


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("backup")(backup_command)
    app.command("restore")(restore_command)


def backup_command(
    target: Annotated[Path, typer.Argument(help="New folder, or file that ends in .tar, .tar.gz or .tgz.")],
    with_secrets: Annotated[
        bool, typer.Option("--with-secrets", help="Also passwords, tokens, and secrets of agents.")
    ] = False,
    without: Annotated[
        list[BackupPart] | None,
        typer.Option(help="Leave out Prefect's state or NATS' streams, if they are backed up otherwise."),
    ] = None,
    state: State = DEFAULT_STATE,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Back up records, Prefect's state, events and the signing key, while the platform runs or while it is stopped."""
    left = without or []
    places = places_of(state, database=database_url)
    done = run(
        backup(
            places,
            target,
            secrets=with_secrets,
            prefect=BackupPart.PREFECT not in left,
            streams=BackupPart.STREAMS not in left,
        )
    )
    if as_json:
        print_json({"target": str(done.target), "digest": done.digest, "bytes": done.size})
    else:
        console.print(_backed_up(done), highlight=False, markup=False, soft_wrap=True)


def restore_command(
    source: Annotated[Path, typer.Argument(help="What `commandcenter backup` wrote.")],
    digest: Annotated[
        str | None, typer.Option(help="What `backup` said; a backup of another digest is refused.")
    ] = None,
    state: State = DEFAULT_STATE,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Restore a backup into an empty home: state folder and databases. Nothing that is there is overwritten."""
    done = run(restore(source, places_of(state, database=database_url), expected_digest=digest))
    if as_json:
        print_json(
            {
                "madeAt": done.manifest.made_at,
                "revision": done.manifest.records.revision,
                "auditEntries": done.audit.entries,
                "auditIntact": done.audit.intact,
                "messages": done.messages,
                "settings": dict(done.manifest.settings),
            }
        )
    else:
        console.print(_restored(done), highlight=False, markup=False, soft_wrap=True)


def _backed_up(done: BackedUp) -> str:
    manifest = done.manifest
    messages = sum(each.messages for each in manifest.streams or ())
    lines = [
        f"backed up to {done.target} ({done.size:,} bytes)",
        f"records      {manifest.records.kind}, revision {manifest.records.revision}",
        f"Prefect      {manifest.prefect.kind if manifest.prefect else 'left out'}",
        f"events       {f'{messages} messages' if manifest.streams is not None else 'left out'}",
        f"secrets      {'in it: keep it as safe as them' if manifest.secrets else 'not in it'}",
        f"digest       sha256:{done.digest} (of {MANIFEST}; give it to `restore --digest`)",
        "The signing key is in it: whoever has both key and database can forge approvals.",
    ]
    return "\n".join(lines)


def _restored(done: Restored) -> str:
    manifest = done.manifest
    lines = [
        f"restored what was backed up at {manifest.made_at} by version {manifest.platform}",
        f"audit        {done.audit.entries} entries, "
        + ("intact" if done.audit.intact else f"NOT INTACT at {done.audit.broken_at}: {done.audit.fault}"),
        f"events       {done.messages} messages",
    ]
    if not manifest.secrets:
        lines.append("passwords    new ones are made at the next start; set the secrets of agents again")
    if manifest.settings:
        lines.append("These settings were in the environment then:")
        lines += [f"  export {name}={shlex.quote(value)}" for name, value in manifest.settings.items()]
    return "\n".join(lines)
