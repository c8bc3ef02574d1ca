"""Files and folders as a person names them -> the workflow files meant."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

FOLDER = Path("workflows")
TESTS = ".test.yaml"
"""What files with a workflow's tests end in; they stand beside it and are no workflows."""


def workflow_files(paths: Iterable[Path] | None) -> list[Path]:
    """Those named, and all in the folders named, test files apart, sorted within each folder."""
    found: list[Path] = []
    for path in paths or [FOLDER]:
        if path.is_dir():
            inside = sorted([*path.rglob("*.yaml"), *path.rglob("*.yml")])
            found.extend(file for file in inside if not file.name.endswith(TESTS))
        else:
            found.append(path)
    return found
