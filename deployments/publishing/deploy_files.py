"""Workflow files -> checked plans, without those of workflows that were changed elsewhere since."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from deployments.publishing.compile_files import NO_FILES, CompiledFiles, compile_files
from operations.changed_elsewhere import ChangedElsewhere, changed_elsewhere
from operations.known_workflows import known_catalogue
from records import Records


@dataclass(frozen=True, kw_only=True)
class DeployableFiles:
    """What may be deployed of some files, and what `operations.changed_elsewhere` says of the others."""

    compiled: CompiledFiles
    kept: tuple[ChangedElsewhere, ...]
    """Workflows that stay as they are."""
    replaced: tuple[ChangedElsewhere, ...]
    """Workflows whose file takes the place of what was changed elsewhere, because a person says so."""


async def deployable_files(
    paths: Iterable[Path], *, records: Records, project_id: int, replace: bool = False
) -> DeployableFiles:
    """Check all files; with `replace` all of them may be deployed. Raises `CheckFailed` with every problem."""
    catalogue = await known_catalogue(records, project_id)
    compiled = compile_files(paths, catalogue, project_id=project_id)
    found = await changed_elsewhere(
        compiled.plans, compiled.texts, records=records, project_id=project_id, sources=compiled.files
    )
    if replace or not found:
        return DeployableFiles(compiled=compiled, kept=(), replaced=tuple(found))
    left = compiled.files.keys() - {each.workflow for each in found}
    # Once more: a workflow that calls one that stays is checked with that one.
    again = [Path(compiled.files[name]) for name in sorted(left)]
    rest = compile_files(again, catalogue, project_id=project_id) if again else NO_FILES
    return DeployableFiles(compiled=rest, kept=tuple(found), replaced=())
