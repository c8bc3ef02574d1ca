"""The `commandcenter` command: a table of commands, each imported when it is called."""

from __future__ import annotations

import asyncio
import os
import sys
from importlib.metadata import version
from typing import Annotated

import typer

from deployments.cli.commands import LazyCommands
from deployments.errors import DeploymentError
from observability.json_logs import LogFormatError, log_as_json
from records.errors import RecordsError
from reliability.known_settings import unknown_settings
from reliability.mode import mode_problem
from reliability.plaintext import PlaintextRefused
from reliability.secret_files import SecretFileError, use_secret_files
from reliability.settings import SettingsError
from reliability.tested_versions import UntestedVersion
from reliability.tls import TlsError

_SERVING = {
    "up": "up",
    "api": "api",
    "server": "prefect",
    "worker": "worker",
    "listener": "listener",
    "migrate": "migrate",
}
"""Commands whose output is a log: command -> name of the part."""


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"commandcenter {version('commandcenter-automation')}")
        raise typer.Exit


def _options(
    show: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options of `commandcenter` itself take effect by their callbacks."""


app = typer.Typer(
    name="commandcenter",
    cls=LazyCommands,
    help="Workflows in YAML, run by sandboxed agents, with a person where it is risky.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    callback=_options,
)


def main() -> None:
    """Run the command line. An error that a person can fix is one message on standard error, with exit status 1."""
    try:
        if sys.argv[1:] and "--json" not in sys.argv and (part := _SERVING.get(sys.argv[1])):
            log_as_json(part)
    except LogFormatError as exc:
        sys.exit(f"commandcenter: {exc}")
    for sentence in unknown_settings():
        sys.stderr.write(f"commandcenter: {sentence}\n")
    if problem := mode_problem():
        sys.stderr.write(f"commandcenter: {problem}\n")
    # A client of Prefect's reports each use to its makers unless told not to; this is for all that we start, too.
    os.environ.setdefault("DO_NOT_TRACK", "1")
    try:
        use_secret_files()
        app()
    except (
        DeploymentError,
        RecordsError,
        SecretFileError,
        UntestedVersion,
        PlaintextRefused,
        SettingsError,
        TlsError,
    ) as exc:
        sys.stderr.write(f"commandcenter: {exc}\n")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except asyncio.CancelledError:  # SIGTERM, once everything that was started has been stopped
        sys.exit(143)
