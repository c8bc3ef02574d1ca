"""`artifacts RUN [ARTIFACT] [-o FILE]`: the files that the agents of a run saved, listed and downloaded."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from deployments.cli.options import DEFAULT_STATE, Json, Project, RunId, State, Wide, run
from deployments.cli.output import console, print_rows
from deployments.errors import DeploymentError
from deployments.stack.connection import open_records
from operations.run_artifacts import artifact_of_run
from operations.run_detail import run_detail
from records import RecordedArtifact, Records
from tasks.safe_text import safe_text


class ArtifactNotWritten(DeploymentError):
    """The file is there already, or its folder cannot be written to."""


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("artifacts")(artifacts_command)


def artifacts_command(
    run_id: RunId,
    artifact: Annotated[
        str | None, typer.Argument(metavar="[ARTIFACT]", help="Download this one: its name, its id or reference.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="File to write to, `-` for standard output; a folder with `--all`.",
            dir_okay=True,
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Download all artifacts of the run.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
    state: State = DEFAULT_STATE,
    project: Project = 1,
    as_json: Json = False,
    wide: Wide = False,
) -> None:
    """List the files that the agents of a run saved, or download them."""
    wanted = _Wanted(artifact=artifact, everything=everything, output=output, force=force)
    run(_artifacts(run_id, wanted, state=state, project_id=project, as_json=as_json))


class _Wanted:
    """What is to be downloaded, and where to."""

    def __init__(self, *, artifact: str | None, everything: bool, output: Path | None, force: bool) -> None:
        if artifact is not None and everything:
            raise typer.BadParameter("name an artifact or give --all, not both", param_hint="--all")
        if output is not None and artifact is None and not everything:
            raise typer.BadParameter("name the artifact to download, or give --all", param_hint="--output")
        self.artifact = artifact
        self.everything = everything
        self.output = output
        self.force = force


async def _artifacts(run_id: str, wanted: _Wanted, *, state: Path, project_id: int, as_json: bool) -> None:
    async with open_records(state) as records:
        found = (await run_detail(records, run_id, project_id=project_id)).run
        if wanted.artifact is not None:
            one = await artifact_of_run(records, found.id, wanted.artifact)
            await _download(one, wanted.output or Path(file_name(one.name)), wanted, records)
            return
        everything = await records.artifacts(found.id)
        if wanted.everything:
            folder = wanted.output or Path()
            folder.mkdir(parents=True, exist_ok=True)
            for each in everything:
                await _download(each, folder / file_name(each.name), wanted, records)
            return
    print_rows(
        [_row(each) for each in everything],
        columns=("name", "mediaType", "size", "createdAt", "id"),
        wide_columns=("ref",),
        title="Artifacts",
        as_json=as_json,
    )


async def _download(artifact: RecordedArtifact, file: Path, wanted: _Wanted, records: Records) -> None:
    """Write the bytes. Raises `ArtifactNotWritten`; without `--force` no file is replaced."""
    content = await records.artifact_content(artifact.id)
    if str(file) == "-":
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    file = file / file_name(artifact.name) if file.is_dir() else file
    try:
        with file.open("wb" if wanted.force else "xb") as opened:
            opened.write(content)
    except FileExistsError as exc:
        raise ArtifactNotWritten(f"{str(file)!r} exists already: choose another --output, or add --force") from exc
    except OSError as exc:
        raise ArtifactNotWritten(f"{str(file)!r} cannot be written: {exc.strerror or exc}") from exc
    console.print(f"wrote {safe_text(str(file))} ({len(content):,} bytes)", markup=False, highlight=False)


def file_name(name: str) -> str:
    """What an agent called its file, as a name to write: nothing hidden, no option, no character that does not show."""
    shown = safe_text(name, limit=200).replace("\\", "_").replace("\t", "_").replace("\n", "_")
    return "_" + shown if shown.startswith((".", "-")) else shown


def _row(artifact: RecordedArtifact) -> dict[str, Any]:
    return {
        "id": artifact.id,
        "name": artifact.name,
        "mediaType": artifact.media_type,
        "size": artifact.size,
        "sha256": artifact.sha256,
        "ref": artifact.ref,
        "createdAt": artifact.created_at,
    }
