"""Workflow files -> checked plans, or every mistake in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from compiler import Diagnostic, Source, compile_all, load
from compiler.catalogue import Catalogue
from compiler.plan import Plan
from deployments.publishing.workflow_files import workflow_files


class CheckFailed(Exception):
    """At least one workflow has errors; nothing was deployed."""

    def __init__(self, diagnostics: Sequence[Diagnostic], sources: Sequence[Source]) -> None:
        self.diagnostics = tuple(diagnostics)
        self.sources = tuple(sources)
        super().__init__(f"{len(self.diagnostics)} problems; nothing was deployed")


def compile_files(paths: Iterable[Path], catalogue: Catalogue, *, project_id: int) -> list[Plan]:
    """All plans, or `CheckFailed` with every problem of every file."""
    return list(compile_by_file(paths, catalogue, project_id=project_id).values())


def compile_by_file(paths: Iterable[Path], catalogue: Catalogue, *, project_id: int) -> dict[str, Plan]:
    """The plan of each file, by the file's absolute path. Raises `CheckFailed` with every problem of every file."""
    sources = [load(path) for path in workflow_files(paths)]
    compiled = compile_all(sources, catalogue, project_id=project_id)
    problems = [each for result in compiled for each in result.diagnostics if each.severity == "error"]
    if problems:
        raise CheckFailed(problems, sources)
    return {
        str(Path(source.path).absolute()): result.plan
        for source, result in zip(sources, compiled, strict=True)
        if result.plan is not None
    }
