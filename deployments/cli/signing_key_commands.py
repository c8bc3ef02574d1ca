"""`signing-key`: the key that signs decisions is replaced, in three steps."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from deployments.cli.options import run
from deployments.cli.output import console
from operations.rotate_signing_key import add_key, retire_old_keys, use_newest_key
from records import Records
from records.database.signing import KEY_FILE_VARIABLE
from reliability.settings import WorkerSettings

File = Annotated[Path, typer.Argument(envvar=KEY_FILE_VARIABLE, help="The key file.")]
app = typer.Typer(help="Replace the key that signs decisions: add, use, retire.", no_args_is_help=True)


@app.command("add")
def add_command(file: File) -> None:
    """Add a new key, which is accepted and does not sign yet. Then start every part again."""
    count = add_key(file)
    console.print(f"{file} has {count} keys; start every part again, then: signing-key use", highlight=False)


@app.command("use")
def use_command(file: File) -> None:
    """Have the newest key sign; the old ones are accepted. Then start every part again."""
    use_newest_key(file)
    console.print("the newest key signs; start every part again, then: signing-key retire", highlight=False)


@app.command("retire")
def retire_command(file: File) -> None:
    """Sign again what the old keys have signed, and drop them. Reads DATABASE_URL. Then start every part again."""
    os.environ[KEY_FILE_VARIABLE] = str(file)
    changed = run(_retire(file, WorkerSettings.load().database_url))
    console.print(f"{changed} rows are signed with the new key; the old keys are gone", highlight=False)


async def _retire(file: Path, url: str) -> int:
    async with await Records.open(url) as records:
        return await retire_old_keys(file, records)


def register(to: typer.Typer) -> None:
    """Add the commands of this file."""
    to.add_typer(app, name="signing-key")
