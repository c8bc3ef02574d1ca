"""The commands by name: the line of each in `commandcenter --help`, and the module that is imported to run it.

A command imports what it needs, which for some is Prefect; `--help` and the others do not wait for that.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

TABLE: dict[str, dict[str, str]] = {
    "platform_commands": {
        "demo": (
            "Run the main job on a real stack that is started for it: a code change, agents, an approval, a fix."
        ),
        "up": "Run the platform in the foreground until Ctrl-C.",
        "api": (
            "Serve agents, workflows, runs and approvals over HTTP until Ctrl-C; workflows "
            "it is given are deployed."
        ),
        "env": 'Print the environment of the running platform for a shell: `eval "$(commandcenter env)"`.',
        "doctor": "Check this installation and suggest fixes. Exit status 1 where the demo could not run.",
        "db": "The records database.",
    },
    "part_commands": {
        "server": "Serve Prefect's API and UI until SIGTERM. Reads PREFECT_API_DATABASE_CONNECTION_URL.",
        "worker": "Execute runs until SIGTERM. Reads PREFECT_API_URL and DATABASE_URL.",
        "listener": (
            "Start workflows for NATS events until SIGTERM. Reads NATS_URL, PREFECT_API_URL and DATABASE_URL."
        ),
        "migrate": (
            "Bring the records' tables and the built-in agents to this version. A newer "
            "database is refused, unchanged."
        ),
    },
    "workflow_commands": {
        "plan": "Say what a deploy would change, in meaning: reach, risk, gates, triggers, waiting runs.",
        "deploy": (
            "Check workflows and make or update their deployments. One error in one file, and nothing is deployed."
        ),
        "workflows": "Deployed workflows.",
    },
    "run_commands": {
        "trigger": "Start a workflow by hand.",
        "runs": "List the runs on record, the newest first.",
        "show": "Show one run: its nodes, agent runs, approvals, and all that happened to these.",
    },
    "run_act_commands": {
        "cancel": "End a run: agents at work are stopped, open questions are withdrawn.",
        "retry": "Run the failed nodes of a failed run again, in the same run.",
        "rerun": (
            "Run an ended run again from a node; outputs of the others are kept, what was approved and done is asked "
            "again."
        ),
        "replay": (
            "Start the workflow as it is now with what a run was given, or with changes to that. It is a new run."
        ),
    },
    "log_commands": {
        "logs": "Print what a run and its agents logged, with the node in each line.",
    },
    "artifact_commands": {
        "artifacts": "List the files that the agents of a run saved, or download them.",
    },
    "approval_commands": {
        "approvals": "List what waits for a decision.",
        "approve": "Let a node run, with its inputs as they are asked for or as edited here.",
        "reject": "Keep a node from running.",
    },
    "retention_commands": {
        "prune": "Delete old runs, inbox entries, dead letters and unused plans. The audit of approvals is kept.",
    },
    "backup_commands": {
        "backup": (
            "Back up records, Prefect's state, events and the signing key, while the "
            "platform runs or while it is stopped."
        ),
        "restore": (
            "Restore a backup into an empty home: state folder and databases. Nothing that "
            "is there is overwritten."
        ),
    },
    "stats_commands": {
        "stats": "Show runs, agents, approvals and events in numbers, exact since the database was made.",
    },
    "people_commands": {
        "sign-in": "Print a link that signs a browser in to the console as admin of this machine. It works once.",
        "login": (
            'Sign in by the provider of your organisation: `eval "$(commandcenter login)"`. '
            "It lasts for twelve hours."
        ),
        "people": "People who may use the API and the console.",
        "tokens": "Their tokens.",
    },
    "pool_commands": {
        "pool": "Work pools for Prefect's own workers.",
    },
    "event_commands": {
        "events": "What comes in: list, explain, publish.",
        "dead-letters": "Events that were given up.",
    },
    "project_commands": {
        "projects": "What each project may use.",
        "publishers": "Programs that publish events of a project.",
    },
    "change_commands": {
        "changes": "Changes that wait for a second person.",
    },
    "compiler_commands": {
        "check": ("Check workflows: all errors, with location, code and fix. Exit status 1 where one has errors."),
        "prefect-yaml": (
            "Add the entries that `prefect deploy --all` needs to prefect.yaml; those that "
            "are there stay as they are."
        ),
        "schema": "The JSON Schema of workflow files for editors, with the registered agents in it.",
        "graph": "The workflow's graph, as text or Mermaid.",
        "test": "Run workflows with mocks for agents, as the `NAME.test.yaml` beside each one says.",
    },
    "audit_commands": {
        "audit": "The audit of approvals.",
    },
    "signing_key_commands": {
        "signing-key": "Replace the key that signs decisions: add, use, retire.",
    },
    "agent_commands": {
        "agents": "Registered agents.",
    },
}
"""By module of this folder, in the order of the help."""


class LazyCommands(TyperGroup):
    """The commands of TABLE: each is its line of help until it is called."""

    def __init__(self, **options: Any) -> None:
        commands: dict[str, Any] = {}
        for module, lines in TABLE.items():
            commands |= {name: _Line(module, name, line) for name, line in lines.items()}
        options["commands"] = commands
        super().__init__(**options)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The command itself."""
        name, found, rest = super().resolve_command(ctx, args)
        if isinstance(found, _Line):
            self.commands[found.listed] = found.load()
            found = self.commands[found.listed]
        return name, found, rest


class _Line(TyperCommand):
    """What the help says of a command whose module has not been imported."""

    def __init__(self, module: str, name: str, line: str) -> None:
        super().__init__(name, help=line)
        self.listed = name
        self._module = module

    def load(self) -> Any:
        return commands_of(self._module)[self.listed]


def commands_of(module: str) -> dict[str, Any]:
    """Import a module of this folder; its commands and groups of commands by name."""
    apart = typer.Typer(callback=lambda: None)
    import_module(f"deployments.cli.{module}").register(apart)
    group = typer.main.get_command(apart)
    assert isinstance(group, TyperGroup)
    return dict(group.commands)
