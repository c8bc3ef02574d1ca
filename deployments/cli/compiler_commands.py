"""`commandcenter check | schema | graph | test`: what the compiler can do, on the command line."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from compiler import (
    CaseError,
    Compiled,
    Source,
    compile_all,
    editor_schema,
    format_case_results,
    format_json,
    format_proof,
    format_sarif,
    format_text,
    load,
    mermaid,
    read_cases,
    run_cases,
    text_graph,
)
from deployments.publishing.known_agents import known_agents_here
from deployments.publishing.prefect_yaml import FILE as PREFECT_YAML
from deployments.publishing.prefect_yaml import PrefectYamlRefused, add_entries, entry_states
from deployments.publishing.workflow_files import TESTS, workflow_files

app = typer.Typer(no_args_is_help=True)

Files = Annotated[list[Path] | None, typer.Argument(help="Workflow files or folders; default: workflows/.")]
File = Annotated[Path, typer.Argument(help="A workflow file.")]


def compile_files(paths: Iterable[Path] | None) -> list[tuple[Source, Compiled]]:
    """Each file with what became of it. Ends the command with status 2 where there is no file at all."""
    files = workflow_files(paths)
    if not files:
        typer.echo("there is no workflow file here: name one, or write workflows/NAME.yaml", err=True)
        raise typer.Exit(2)
    catalogue = known_agents_here()
    sources = [load(file) for file in files]
    return list(zip(sources, compile_all(sources, catalogue), strict=True))


@app.command()
def check(
    files: Files = None,
    *,
    format: Annotated[str, typer.Option("--format", help="text, json or sarif.")] = "text",
    gates: Annotated[bool, typer.Option("--gates", help="Prove that each risky action is gated.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail as well.")] = False,
) -> None:
    """Check workflows: all errors, with location, code and fix. Exit status 1 where one has errors."""
    if format not in ("text", "json", "sarif"):
        raise typer.BadParameter(f"{format!r} is not text, json or sarif", param_hint="--format")
    checked = compile_files(files)
    found = [each for _, compiled in checked for each in compiled.diagnostics]
    if format == "text":
        typer.echo(format_text(found, [source for source, _ in checked]), nl=False)
        right = sum(compiled.plan is not None for _, compiled in checked)
        typer.echo(f"{right} of {len(checked)} workflow(s) can be deployed", err=True)
    else:
        typer.echo(format_json(found) if format == "json" else format_sarif(found), nl=False)
    if gates:
        _show_gates(checked)
    _compare_prefect_yaml(checked)
    if any(compiled.plan is None for _, compiled in checked) or (strict and found):
        raise typer.Exit(1)


def _show_gates(checked: Iterable[tuple[Source, Compiled]]) -> None:
    for _, compiled in checked:
        if compiled.plan is not None:
            typer.echo(format_proof(compiled.plan), nl=False)


def _compare_prefect_yaml(checked: Iterable[tuple[Source, Compiled]]) -> None:
    """Say which workflows `prefect deploy --all` would leave out, where it is used here at all."""
    if not PREFECT_YAML.exists():
        return
    plans = {source.path: compiled.plan for source, compiled in checked if compiled.plan is not None}
    try:
        said = [each.sentence for each in entry_states(plans)]
    except PrefectYamlRefused as exc:
        said = [str(exc)]
    for sentence in filter(None, said):
        typer.echo(f"warning: {PREFECT_YAML}: {sentence}", err=True)


@app.command("prefect-yaml")
def prefect_yaml(
    files: Files = None,
    pool: Annotated[str, typer.Option(help="Work pool of the new entries.")] = "commandcenter",
) -> None:
    """Add the entries that `prefect deploy --all` needs to prefect.yaml; those that are there stay as they are.

    Exit status 1 where an entry that is there says something else than its workflow.
    """
    checked = compile_files(files)
    wrong = [each for _, compiled in checked if compiled.plan is None for each in compiled.diagnostics]
    if wrong:
        typer.echo(format_text(wrong, [source for source, _ in checked]), nl=False, err=True)
        raise typer.Exit(1)
    plans = {source.path: compiled.plan for source, compiled in checked if compiled.plan is not None}
    try:
        added = add_entries(plans, pool=pool)
        left = [each.sentence for each in entry_states(plans) if each.sentence]
    except PrefectYamlRefused as exc:
        typer.echo(str(exc), err=True)
        raise typer.Exit(1) from exc
    for name in added:
        typer.echo(f"{PREFECT_YAML}: added {name}")
    if not added:
        typer.echo(f"{PREFECT_YAML}: nothing to add")
    for sentence in left:
        typer.echo(f"{PREFECT_YAML}: {sentence}", err=True)
    if left:
        raise typer.Exit(1)


@app.command()
def schema(
    out: Annotated[Path | None, typer.Option("--out", help="Write to this file instead.")] = None,
) -> None:
    """The JSON Schema of workflow files for editors, with the registered agents in it."""
    text = json.dumps(editor_schema(known_agents_here()), indent=2, ensure_ascii=False) + "\n"
    if out is None:
        typer.echo(text, nl=False)
    else:
        out.write_text(text, encoding="utf-8")
        typer.echo(f"written to {out}; point your YAML language server at it", err=True)


@app.command()
def graph(
    file: File,
    *,
    as_mermaid: Annotated[bool, typer.Option("--mermaid", help="As a Mermaid flow chart.")] = False,
) -> None:
    """The workflow's graph, as text or Mermaid."""
    source, compiled = compile_files([file])[0]
    if compiled.plan is None:
        typer.echo(format_text(compiled.diagnostics, [source]), nl=False, err=True)
        raise typer.Exit(1)
    typer.echo(mermaid(compiled.plan) if as_mermaid else text_graph(compiled.plan), nl=False)


@app.command("test")
def run_tests(files: Files = None) -> None:
    """Run workflows with mocks for agents, as the `NAME.test.yaml` beside each one says."""
    failed = False
    for source, compiled in compile_files(files):
        if compiled.plan is None:
            typer.echo(format_text(compiled.diagnostics, [source]), nl=False)
            failed = True
            continue
        beside = Path(source.path).with_suffix(TESTS)
        try:
            cases = read_cases(load(beside) if beside.exists() else Source("cases: [{}]", str(beside)))
        except CaseError as exc:
            typer.echo(f"{beside}: {exc}", err=True)
            failed = True
            continue
        examination = run_cases(compiled.plan, cases, compiled.callees)
        typer.echo(format_case_results(examination), nl=False)
        failed = failed or not examination.passed
    if failed:
        raise typer.Exit(1)


def main() -> None:
    """The compiler's commands alone."""
    app()


if __name__ == "__main__":
    sys.exit(main())


def register(to: typer.Typer) -> None:
    """Add the commands of this file."""
    to.add_typer(app)
