"""Workflow files -> checked plans, or every mistake in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, kw_only=True)
class CompiledFiles:
    """Checked plans with the files that they come from, as they were read once."""

    plans: tuple[Plan, ...]
    files: Mapping[str, str]
    """The absolute path of each, by the workflow's name."""
    texts: Mapping[str, str]
    """The YAML of each, by the workflow's name."""


NO_FILES = CompiledFiles(plans=(), files={}, texts={})


def compile_files(paths: Iterable[Path], catalogue: Catalogue, *, project_id: int) -> CompiledFiles:
    """All plans, or `CheckFailed` with every problem of every file."""
    sources = [load(path) for path in workflow_files(paths)]
    compiled = compile_all(sources, catalogue, project_id=project_id)
    problems = [each for result in compiled for each in result.diagnostics if each.severity == "error"]
    if problems:
        raise CheckFailed(problems, sources)
    found = [
        (source, result.plan) for source, result in zip(sources, compiled, strict=True) if result.plan is not None
    ]
    return CompiledFiles(
        plans=tuple(plan for _, plan in found),
        files={plan.name: str(Path(source.path).absolute()) for source, plan in found},
        texts={plan.name: source.text for source, plan in found},
    )
