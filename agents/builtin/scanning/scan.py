"""A folder and names of source files in it -> all weaknesses found, worst first, each place and rule once."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from agents.builtin.scanning import bandit_scan, javascript_scan, python_scan
from agents.builtin.scanning.source_files import MAX_FILES, PYTHON, SourceFile, read_source
from agents.builtin.scanning.vulnerability import SEVERITIES, Vulnerability, worst_first


@dataclass(frozen=True, kw_only=True)
class Scan:
    """What was found, and in how much."""

    vulnerabilities: tuple[Vulnerability, ...]
    files_scanned: int
    files_skipped: int


def scan(folder: Path, names: Iterable[str], log: logging.Logger) -> Scan:
    """Scan the named files. Those that cannot be read are counted and logged, never silently left out."""
    files: list[SourceFile] = []
    skipped = 0
    for name in names:
        read = read_source(folder, name) if len(files) < MAX_FILES else f"{name!r} is beyond {MAX_FILES:,} files"
        if isinstance(read, SourceFile):
            files.append(read)
        else:
            skipped += 1
            log.warning("not scanned: %s", read)
    python = [file for file in files if file.suffix in PYTHON]
    found: list[Vulnerability] = []
    if python:
        found += bandit_scan.scan(folder, [file.name for file in python], log)
    for file in files:
        found += (python_scan if file.suffix in PYTHON else javascript_scan).scan(file, log)
    return Scan(vulnerabilities=_once(found), files_scanned=len(files), files_skipped=skipped)


def _once(found: Iterable[Vulnerability]) -> tuple[Vulnerability, ...]:
    """One finding for each place and rule: the worst, and of equals the first tool's."""
    kept: dict[tuple[str, int, str], Vulnerability] = {}
    for one in found:
        place = (one.file, one.line, one.rule)
        known = kept.get(place)
        if known is None or SEVERITIES.index(one.severity) > SEVERITIES.index(known.severity):
            kept[place] = one
    return tuple(worst_first(kept.values()))
