"""The `commandcenter` command: one group of commands per file, put together here."""

from __future__ import annotations

import asyncio
import sys

import typer

from deployments.cli import (
    agent_commands,
    agent_writing_commands,
    approval_commands,
    artifact_commands,
    audit_commands,
    backup_commands,
    change_commands,
    compiler_commands,
    event_commands,
    log_commands,
    part_commands,
    people_commands,
    platform_commands,
    pool_commands,
    project_commands,
    retention_commands,
    run_act_commands,
    run_commands,
    signing_key_commands,
    stats_commands,
    workflow_commands,
)
from deployments.errors import DeploymentError
from records import RecordsError
from reliability.known_settings import unknown_settings
from reliability.mode import mode_problem
from reliability.plaintext import PlaintextRefused
from reliability.secret_files import SecretFileError, use_secret_files
from reliability.settings import SettingsError
from reliability.tested_versions import UntestedVersion
from reliability.tls import TlsError

app = typer.Typer(
    name="commandcenter",
    help="Workflows in YAML, run by sandboxed agents, with a person where it is risky.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for module in (
    platform_commands,
    part_commands,
    pool_commands,
    workflow_commands,
    run_commands,
    run_act_commands,
    event_commands,
    log_commands,
    artifact_commands,
    approval_commands,
    retention_commands,
    backup_commands,
    stats_commands,
    people_commands,
    project_commands,
    change_commands,
):
    module.register(app)
app.add_typer(compiler_commands.app)
app.add_typer(audit_commands.app, name="audit")
agent_writing_commands.register(agent_commands.app)
app.add_typer(signing_key_commands.app, name="signing-key")
app.add_typer(agent_commands.app, name="agents", help="Registered agents.")


def main() -> None:
    """Run the command line. An error that a person can fix is one message on standard error, with exit status 1."""
    for sentence in unknown_settings():
        sys.stderr.write(f"commandcenter: {sentence}\n")
    if problem := mode_problem():
        sys.stderr.write(f"commandcenter: {problem}\n")
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
