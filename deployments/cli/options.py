"""Options that many commands share, and how a command runs its coroutine."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from deployments.cli.output import set_wide

T = TypeVar("T")

State = Annotated[
    Path, typer.Option("--state", envvar="COMMANDCENTER_STATE", help="Folder in which everything is kept.")
]
Project = Annotated[int, typer.Option("--project", envvar="COMMANDCENTER_PROJECT_ID", help="Id of the project.")]
RunId = Annotated[
    str,
    typer.Argument(
        metavar="RUN", help="Id of a run here or in Prefect, the beginning of one, or the address of its page."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Wide = Annotated[
    bool, typer.Option("--wide", callback=set_wide, help="All columns, full ids and times, lines of any length.")
]
"""Takes effect by its callback: a command declares it and passes nothing on."""
DEFAULT_STATE = Path(".commandcenter")


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a command's coroutine to its end."""
    return asyncio.run(coroutine)


def person() -> str:
    """Name of the user who is logged in at this terminal, as the operating system gives it."""
    return getpass.getuser()
