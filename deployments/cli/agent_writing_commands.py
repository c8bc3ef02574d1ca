"""`agents new|test`: for who writes an agent."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from agents.authoring.new_agent import LANGUAGES, NewAgentRefused, new_agent
from agents.registration.bundle import Bundle, BundleRefused, unpack
from agents.sandbox.choice import open_sandbox
from deployments.cli.agent_commands import AgentUseError, FoundAgent, find_agent
from deployments.cli.options import DEFAULT_STATE, Json, Project, State, run
from deployments.cli.output import console, print_json
from deployments.stack.connection import connect
from operations.agent_cases import AgentCaseResult, CaseRefused, read_cases, run_cases
from operations.run_agent import AgentWorkplace, KeptArtifacts
from tasks.safe_text import safe_text


def register(app: typer.Typer) -> None:
    """Add the commands of this file to those of `agents`."""
    app.command("new")(new_command)
    app.command("test")(cases_command)


def new_command(
    name: Annotated[str, typer.Argument(help="Its name: small letters, digits and -.")],
    language: Annotated[str, typer.Option("--lang", help=f"One of: {', '.join(LANGUAGES)}.")] = "python",
    folder: Annotated[Path | None, typer.Option("--to", help="Folder to make; the name by default.")] = None,
) -> None:
    """Write a new agent that works, with cases of its own."""
    place = Path(name) if folder is None else folder
    try:
        files = new_agent(name, language, place)
    except (NewAgentRefused, OSError) as exc:
        raise AgentUseError(str(exc)) from exc
    for file in files:
        console.print(f"wrote {file}", markup=False, highlight=False)
    shown = place if place.is_absolute() or len(place.parts) > 1 else f"./{place}"
    console.print(f"try it: commandcenter agents test {shown}", markup=False, highlight=False)


def cases_command(
    name: Annotated[
        str, typer.Argument(help="Name of a registered agent, or a folder, as in ./my-agents/greeter.")
    ],
    state: State = DEFAULT_STATE,
    project: Project = 1,
    as_json: Json = False,
) -> None:
    """Run an agent's own cases (cases/*.yaml) in the jail. Exit status 0: all passed; effects are not carried out."""
    results = run(_test(name, state=state, project_id=project))
    if as_json:
        print_json([_row(each) for each in results])
    else:
        _show(results)
    raise typer.Exit(0 if all(each.ok for each in results) else 1)


def _row(result: AgentCaseResult) -> dict[str, Any]:
    return {
        "case": result.name,
        "ok": result.ok,
        "problems": list(result.problems),
        "milliseconds": result.milliseconds,
    }


def _show(results: list[AgentCaseResult]) -> None:
    for each in results:
        word = "ok  " if each.ok else "FAIL"
        console.print(f"{word}  {each.name}  {each.milliseconds / 1000:.2f} s", markup=False, highlight=False)
        for problem in each.problems:
            console.print(f"      {safe_text(problem)}", markup=False, highlight=False)
    failed = sum(not each.ok for each in results)
    console.print(f"{len(results)} cases, {failed} failed", markup=False, highlight=False)


async def _test(name: str, *, state: Path, project_id: int) -> list[AgentCaseResult]:
    sandbox = open_sandbox()
    try:
        found = await find_agent(name, sandbox=sandbox, state=state, project_id=project_id)
        bundle = found.bundle or await _kept(found, state)
        with tempfile.TemporaryDirectory(prefix="agents-test-", ignore_cleanup_errors=True) as scratch:
            folder = Path(scratch) / "code"
            unpack(bundle, folder)
            workplace = AgentWorkplace(
                sandbox=sandbox,
                secrets=(),
                settings={},
                repository_roots=(),
                scratch=Path(scratch),
                store=state.absolute() / "scratch",
                bundle=bundle,
                records=KeptArtifacts(folder=Path(scratch) / "artifacts"),
            )
            return await run_cases(
                read_cases(folder, found.spec),
                found.spec,
                folder=folder,
                workplace=workplace,
                project_id=project_id,
            )
    except (CaseRefused, BundleRefused) as exc:
        raise AgentUseError(str(exc)) from exc
    finally:
        await sandbox.close()


async def _kept(found: FoundAgent, state: Path) -> Bundle:
    """The code of a registered agent. Raises AgentError."""
    digest = found.spec.code_digest
    if not found.spec.entry_path.startswith("/"):
        raise AgentUseError(
            f"agent {found.spec.name!r} ships with the platform; its cases are the platform's own tests"
        )
    async with connect(state) as connection:
        content = await connection.records.bundle(digest)
    if content is None:
        raise AgentUseError(
            f"the code of agent {found.spec.name!r} is not kept with the platform; register it again"
        )
    return Bundle(digest=digest, content=content)
