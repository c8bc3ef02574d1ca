"""`agents list|show|register|remove|run`: a project's agents, what they take and give, and one run of one of them."""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from agents.registration.bundle import Bundle
from agents.sandbox.choice import open_sandbox
from agents.sandbox.port import LogLine, Sandbox
from compiler.catalogue import ActionSpec, AgentSpec, Catalogue
from compiler.schemas.validation import validate
from deployments.cli.action_page import print_action
from deployments.cli.identity import acting
from deployments.cli.options import DEFAULT_STATE, Json, Project, State, Wide, run
from deployments.cli.output import console, print_json, print_rows
from deployments.errors import DeploymentError
from deployments.publishing.known_agents import known_agents
from deployments.publishing.registration import register_folder
from deployments.stack.addresses import NotRunning
from deployments.stack.connection import connect, open_records
from flows.runtime import agent_settings
from operations.action_help import action_help
from operations.register_agent import RegistrationRefused, read_folder
from operations.remove_agent import AgentInUse, AgentUnknown, remove_agent
from operations.run_agent import (
    AgentOutcome,
    AgentWorkplace,
    KeptArtifacts,
    RefusedByHand,
    require_by_hand,
    run_agent,
)
from reliability import strict_json
from reliability.settings import WorkerSettings
from tasks.card_text import plain_part
from tasks.effect_picture import details, public_proposal, summary
from tasks.project_scope import REPOSITORIES, gets_the_shared, roots_of, secrets_of, settings_of
from tasks.safe_text import safe_text
from tasks.secrets import EnvironmentSecrets, FileSecrets, PrefectSecrets
from tasks.services import Services
from tasks.words import plain_words

app = typer.Typer(no_args_is_help=True)


class AgentUseError(DeploymentError):
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
    trust_risk: Annotated[
        bool,
        typer.Option(
            "--trust-risk",
            help="You have read its code: take the risk it gives itself, though it has an effect or reaches hosts, "
            "or needed an approval before.",
        ),
    ] = False,
    state: State = DEFAULT_STATE,
    project: Project = 1,
    as_json: Json = False,
) -> None:
    """Register the agent in a folder. Its code is copied; the copy is asked for its manifest, and runs, in the jail."""
    spec = run(_register(path, trust_risk=trust_risk, state=state, project_id=project))
    if as_json:
        print_json(_row(spec))
    else:
        console.print(f"registered {spec.name} {spec.version}: {', '.join(spec.actions)}", markup=False)


@app.command("run")
def run_command(
    name: Annotated[str, typer.Argument(help="Name of the agent, or its folder, as in ./my-agents/greeter.")],
    action: Annotated[str, typer.Argument(help="Name of its action.")],
    input_file: Annotated[str, typer.Option("--input", help="JSON file with the inputs; - for standard input.")],
    artifacts: Annotated[
        Path, typer.Option("--artifacts", help="Folder for the files that the agent saves.")
    ] = Path("artifacts"),
    network: Annotated[
        list[str] | None, typer.Option("--network", help="host:port to reach besides the agent's own; repeatable.")
    ] = None,
    secret: Annotated[
        list[str] | None, typer.Option("--secret", help="Name of a secret that must be there; repeatable.")
    ] = None,
    state: State = DEFAULT_STATE,
    project: Project = 1,
    as_json: Json = False,
) -> None:
    """Run one action of one agent once, in the jail, as a workflow would: with repositories, secrets and artifacts.

    Nothing goes on record. An effect that needs an approval, as a branch that would be pushed, is shown, not done.
    """
    asked = _Asked(
        name=name,
        action=action,
        inputs=_read(input_file),
        artifacts=artifacts.absolute(),
        network=tuple(network or ()),
        secrets=tuple(secret or ()),
    )
    outcome = run(_run_once(asked, state=state, project_id=project))
    _show(outcome, as_json=as_json)
    raise typer.Exit(0 if outcome.result.ok else 1)


def _show(outcome: AgentOutcome, *, as_json: bool) -> None:
    """The output on stdout, what is said about it on stderr."""
    result, files = outcome.result, [str(file) for file in outcome.files]
    if as_json:
        failure = result.failure and vars(result.failure)
        found = {"ok": result.ok, "output": result.output, "failure": failure}
        proposal = outcome.proposal and public_proposal(outcome.proposal.card())
        print_json({**found, "artifacts": files, "effectNotCarriedOut": outcome.effect, "proposal": proposal})
    elif result.failure is not None:
        sys.stderr.write(f"commandcenter: {result.failure.kind}: {safe_text(result.failure.message)}\n")
    else:
        print_json(result.output)
    for file in files:
        sys.stderr.write(f"kept: {file}\n")
    if outcome.effect is not None:
        _show_effect(outcome)


def _show_effect(outcome: AgentOutcome) -> None:
    """The picture that a gate would show, on stderr."""
    sys.stderr.write(f"effect {outcome.effect!r} was not carried out: only a workflow does that\n")
    if outcome.proposal is not None:
        card = outcome.proposal.card()
        sys.stderr.write(f"a workflow would: {plain_words(summary(card))}\n")
        if outcome.proposal.request is not None:
            sys.stderr.write("\n".join(["", *(plain_part(each) for each in details(card)), ""]))


@app.command("remove")
def remove_command(
    name: Annotated[str, typer.Argument(help="Name of the agent.")],
    state: State = DEFAULT_STATE,
    project: Project = 1,
) -> None:
    """Archive an agent that no workflow uses. Its runs stay on record; registering it again brings it back."""
    run(_remove(name, state=state, project_id=project))
    console.print(f"agent {name} is archived: no workflow may name it", markup=False, highlight=False)


async def _remove(name: str, *, state: Path, project_id: int) -> None:
    async with open_records(state) as records:
        await acting(records, project_id=project_id, right="admin")
        try:
            await remove_agent(name, records=records, project_id=project_id)
        except (AgentUnknown, AgentInUse) as exc:
            raise AgentUseError(str(exc)) from exc


async def _register(path: Path, *, trust_risk: bool, state: Path, project_id: int) -> AgentSpec:
    sandbox = open_sandbox()
    try:
        async with open_records(state) as records:
            return await register_folder(
                path,
                records=records,
                sandbox=sandbox,
                project_id=project_id,
                trust_risk=trust_risk,
                by=(await acting(records, project_id=project_id, right="admin")).acting,
                scratch=state.absolute() / "scratch",
            )
    finally:
        await sandbox.close()


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """What the command line says."""

    name: str
    action: str
    inputs: dict[str, Any]
    artifacts: Path
    network: tuple[str, ...]
    secrets: tuple[str, ...]


async def _run_once(asked: _Asked, *, state: Path, project_id: int) -> AgentOutcome:
    sandbox = open_sandbox()
    try:
        found = await find_agent(asked.name, sandbox=sandbox, state=state, project_id=project_id)
        spec = found.spec
        _check_input(asked, Catalogue(agents={spec.name: spec}), spec.name)
        try:
            known = found.bundle is None
            require_by_hand(spec, asked.action, registered=known, network=asked.network, secrets=asked.secrets)
        except RefusedByHand as exc:
            raise AgentUseError(str(exc)) from exc
        shared = gets_the_shared(project_id)
        with tempfile.TemporaryDirectory(prefix="agents-run-") as scratch:
            workplace = AgentWorkplace(
                sandbox=sandbox,
                secrets=secrets_of(
                    (EnvironmentSecrets(), FileSecrets(state.absolute() / "secrets")), project_id, shared=shared
                ),
                settings=settings_of(agent_settings(os.environ), project_id, shared=shared),
                repository_roots=_repository_roots(project_id, shared=shared, nowhere=Path(scratch)),
                scratch=Path(scratch),
                store=state.absolute() / "scratch",
                bundle=found.bundle,
                records=KeptArtifacts(folder=asked.artifacts),
            )
            async with AsyncExitStack() as stack:
                platform = await _platform(workplace, state, stack, project_id=project_id)
                if platform is not None:
                    # Who runs code that nobody has registered could register it as well.
                    right = "operator" if found.bundle is None else "admin"
                    await acting(platform.records, project_id=project_id, right=right)
                    workplace = replace(workplace, secrets=platform.secrets, platform=platform)
                return await run_agent(
                    spec,
                    asked.action,
                    asked.inputs,
                    workplace=workplace,
                    project_id=project_id,
                    network=asked.network,
                    secrets=asked.secrets,
                    platform=platform,
                    on_log=_show_log,
                )
    finally:
        await sandbox.close()


def find_action(catalogue: Catalogue, name: str, action: str | None) -> tuple[AgentSpec, ActionSpec | None]:
    """The agent and, where one is named, its action. Raises `AgentError` that names those there are."""
    spec = catalogue.agents.get(name)
    if spec is None:
        raise AgentUseError(f"no agent {name!r}; there are: {', '.join(sorted(catalogue.agents))}")
    if action is not None and action not in spec.actions:
        raise AgentUseError(f"no action {action!r}; there are: {', '.join(sorted(spec.actions))}")
    return spec, None if action is None else spec.actions[action]


@dataclass(frozen=True, kw_only=True)
class FoundAgent:
    """An agent that is named on the command line."""

    spec: AgentSpec
    bundle: Bundle | None = None
    """Its code, where a folder was named; None: the platform keeps it."""


async def find_agent(name: str, *, sandbox: Sandbox, state: Path, project_id: int) -> FoundAgent:
    """The registered agent of that name, or the one in that folder, as it would be registered. Raises AgentError."""
    if os.sep in name or name in (".", ".."):
        try:
            spec, bundle = await read_folder(Path(name), sandbox=sandbox, scratch=state.absolute() / "scratch")
        except RegistrationRefused as exc:
            raise AgentUseError(str(exc)) from exc
        return FoundAgent(spec=spec, bundle=bundle)
    catalogue = await known_agents(state, project_id=project_id)
    if name not in catalogue.agents and Path(name).is_dir():
        raise AgentUseError(f"no agent {name!r} is registered; for the one in the folder write ./{name}")
    return FoundAgent(spec=find_action(catalogue, name, None)[0])


def _check_input(asked: _Asked, catalogue: Catalogue, name: str) -> None:
    """Whether the agent has the action and the input fits. Raises AgentError."""
    _, action = find_action(catalogue, name, asked.action)
    assert action is not None
    if problems := validate(asked.inputs, action.input_schema):
        raise AgentUseError(f"the input does not fit {name}.{asked.action}: {'; '.join(problems)}")


async def _platform(
    workplace: AgentWorkplace, state: Path, stack: AsyncExitStack, *, project_id: int
) -> Services | None:
    """The running platform, whose records and Prefect Secret blocks a workflow would have; None where none runs."""
    try:
        connection = await stack.enter_async_context(connect(state))
    except NotRunning:
        return None
    return Services(
        records=connection.records,
        sandbox=workplace.sandbox,
        secrets=(
            *workplace.secrets,
            *secrets_of((PrefectSecrets(),), project_id, shared=gets_the_shared(project_id)),
        ),
        settings=workplace.settings,
        repository_roots=workplace.repository_roots,
        scratch=workplace.scratch,
    )


def _repository_roots(project_id: int, *, shared: bool, nowhere: Path) -> tuple[Path, ...]:
    """The project's part of the worker's settings; where none is set, who runs the agent decides by naming it.

    `nowhere`: an empty folder, for a project that has no part: no folders at all would mean that none is set.
    """
    given = WorkerSettings.load().repository_roots
    own = roots_of(given, project_id, shared=shared)
    unset = not given and shared and f"{REPOSITORIES}{project_id}" not in os.environ
    return own or (() if unset else (nowhere,))


def _show_log(line: LogLine) -> None:
    sys.stderr.write(safe_text(line.text) + "\n")


def _read(source: str) -> dict[str, Any]:
    try:
        text = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8-sig")
        found: object = strict_json.loads(text)
    except (OSError, ValueError) as exc:
        why = exc.strerror if isinstance(exc, OSError) else str(exc)
        inline = "; it takes a file: JSON itself goes in by a pipe, with `--input -`" if "{" in source else ""
        raise AgentUseError(f"--input {source[:200]!r}: {why}{inline}") from exc
    if not isinstance(found, dict):
        raise AgentUseError(f"--input {source}: the input must be a JSON object")
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


def register(to: typer.Typer) -> None:
    """Add the commands of this file, and those for who writes an agent."""
    from deployments.cli import agent_writing_commands  # which uses this module

    agent_writing_commands.register(app)
    to.add_typer(app, name="agents", help="Registered agents.")
