"""`agents list|show|register|run`: the agents a project has, what they take and give, and one run of one of them."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from agents.registration.network import resolve as allowed_hosts
from agents.sandbox.choice import open_sandbox
from agents.sandbox.port import AgentRequest, AgentResult, Limits, LogLine
from compiler.catalogue import ActionSpec, AgentSpec, Catalogue
from compiler.schemas.validation import validate
from deployments.cli.action_page import print_action
from deployments.cli.options import DEFAULT_STATE, Json, Project, State, Wide, run
from deployments.cli.output import console, print_json, print_rows
from deployments.errors import DeploymentError
from deployments.publishing.known_agents import known_agents
from deployments.publishing.registration import register_folder
from deployments.stack.connection import connect
from flows.runtime import agent_settings
from operations.action_help import action_help
from tasks.safe_text import safe_text

app = typer.Typer(no_args_is_help=True)


class AgentError(DeploymentError):
    """An agent or action that is not there, or an input that does not fit."""


@app.command("list")
def list_command(
    state: State = DEFAULT_STATE, project: Project = 1, as_json: Json = False, wide: Wide = False
) -> None:
    """List the agents of the project: those on record, or the built-in ones where nothing is running."""
    agents = run(known_agents(state, project_id=project)).agents
    print_rows(
        [_row(spec) for spec in agents.values()],
        columns=("name", "type", "version", "risk", "actions", "network", "description"),
        title="Agents",
        as_json=as_json,
    )


@app.command("show")
def show_command(
    name: Annotated[str, typer.Argument(help="Name of the agent.")],
    action: Annotated[str | None, typer.Argument(help="Name of its action; none: list its actions.")] = None,
    state: State = DEFAULT_STATE,
    project: Project = 1,
    as_json: Json = False,
    wide: Wide = False,
) -> None:
    """Show what an agent's action takes and gives: fields, an example node, and a mock for `commandcenter test`."""
    spec, chosen = find_action(run(known_agents(state, project_id=project)), name, action)
    if chosen is not None:
        explained = action_help(spec, chosen)
        print_json(explained.as_json()) if as_json else print_action(explained)
        return
    print_rows(
        [
            {"action": each.name, "risk": spec.action_risk(each.name), "description": each.description}
            for each in spec.actions.values()
        ],
        columns=("action", "risk", "description"),
        title=f"Actions of {safe_text(spec.name)} {safe_text(spec.version)}",
        as_json=as_json,
    )


@app.command("register")
def register_command(
    path: Annotated[Path, typer.Argument(help="Folder of the agent.")],
    state: State = DEFAULT_STATE,
    project: Project = 1,
    as_json: Json = False,
) -> None:
    """Register the agent in a folder. It is asked for its manifest inside the jail; its code never runs outside."""
    spec = run(_register(path, state=state, project_id=project))
    if as_json:
        print_json(_row(spec))
    else:
        console.print(f"registered {spec.name} {spec.version}: {', '.join(spec.actions)}", markup=False)


@app.command("run")
def run_command(
    name: Annotated[str, typer.Argument(help="Name of the agent.")],
    action: Annotated[str, typer.Argument(help="Name of its action.")],
    input_file: Annotated[str, typer.Option("--input", help="JSON file with the inputs; - for standard input.")],
    state: State = DEFAULT_STATE,
    project: Project = 1,
    as_json: Json = False,
) -> None:
    """Run one action of one agent once, in the jail. Nothing goes on record, and no effect is carried out."""
    result = run(_run_once(name, action, _read(input_file), state=state, project_id=project))
    if as_json:
        print_json({"ok": result.ok, "output": result.output, "failure": result.failure and vars(result.failure)})
    elif result.failure is None:
        print_json(result.output)
    else:
        sys.stderr.write(f"commandcenter: {result.failure.kind}: {result.failure.message}\n")
    raise typer.Exit(0 if result.ok else 1)


async def _register(path: Path, *, state: Path, project_id: int) -> AgentSpec:
    sandbox = open_sandbox()
    try:
        async with connect(state) as connection:
            return await register_folder(path, records=connection.records, sandbox=sandbox, project_id=project_id)
    finally:
        await sandbox.close()


async def _run_once(
    name: str, action: str, inputs: dict[str, Any], *, state: Path, project_id: int
) -> AgentResult:
    spec, chosen = find_action(await known_agents(state, project_id=project_id), name, action)
    assert chosen is not None
    if problems := validate(inputs, chosen.input_schema):
        raise AgentError(f"the input does not fit {name}.{action}: {'; '.join(problems)}")
    sandbox = open_sandbox()
    try:
        return await sandbox.run(_request(spec, action, inputs), on_log=_show_log)
    finally:
        await sandbox.close()


def find_action(catalogue: Catalogue, name: str, action: str | None) -> tuple[AgentSpec, ActionSpec | None]:
    """The agent and, where one is named, its action. Raises `AgentError` that names those there are."""
    spec = catalogue.agents.get(name)
    if spec is None:
        raise AgentError(f"no agent {name!r}; there are: {', '.join(sorted(catalogue.agents))}")
    if action is not None and action not in spec.actions:
        raise AgentError(f"no action {action!r}; there are: {', '.join(sorted(spec.actions))}")
    return spec, None if action is None else spec.actions[action]


def _request(spec: AgentSpec, action: str, inputs: dict[str, Any]) -> AgentRequest:
    settings = agent_settings(os.environ)
    chosen = spec.actions[action]
    return AgentRequest(
        run_id="once",
        node_id=action,
        entry_path=spec.entry_path,
        action=action,
        inputs=inputs,
        result_schema=chosen.result_schema or chosen.output_schema,
        idempotency_key="once",
        limits=Limits(memory_mb=spec.memory_mb, timeout_seconds=spec.timeout_seconds),
        network=allowed_hosts(spec.network, settings),
        settings={name: settings[name] for name in spec.settings if name in settings},
    )


def _show_log(line: LogLine) -> None:
    sys.stderr.write(safe_text(line.text) + "\n")


def _read(source: str) -> dict[str, Any]:
    try:
        text = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8")
        found: object = json.loads(text)
    except (OSError, ValueError) as exc:
        raise AgentError(f"--input {source}: {exc}") from exc
    if not isinstance(found, dict):
        raise AgentError(f"--input {source}: the input must be a JSON object")
    return cast("dict[str, Any]", found)


def _row(spec: AgentSpec) -> dict[str, Any]:
    return {
        "name": spec.name,
        "type": spec.type,
        "version": spec.version,
        "risk": spec.risk,
        "actions": sorted(spec.actions),
        "network": list(spec.network),
        "secrets": list(spec.secrets),
        "entryPath": spec.entry_path,
        "description": spec.description,
    }
