"""A folder and names of source files in it -> all weaknesses found, worst first, each place and rule once."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from agents.builtin.scanning import bandit_scan, javascript_scan, python_scan
from agents.builtin.scanning.not_scanned import NotScanned
from agents.builtin.scanning.source_files import MAX_FILES, PYTHON, SourceFile, read_source
from agents.builtin.scanning.vulnerability import SEVERITIES, Vulnerability, worst_first


@dataclass(frozen=True, kw_only=True)
class Scan:
    """What was found, and in how much."""

    vulnerabilities: tuple[Vulnerability, ...]
    files_scanned: int
    not_scanned: tuple[NotScanned, ...]
    """What was left out or could not be read, with the reason."""

    @property
    def files_skipped(self) -> int:
        """How many files were not scanned."""
        return len(self.not_scanned)


def scan(folder: Path, names: Iterable[str], log: logging.Logger) -> Scan:
    """Scan the named files. Those that cannot be read are counted and logged, never silently left out."""
    files: list[SourceFile] = []
    left_out: list[NotScanned] = []
    for name in names:
        read = read_source(folder, name) if len(files) < MAX_FILES else f"{name!r} is beyond {MAX_FILES:,} files"
        if isinstance(read, SourceFile):
            files.append(read)
        else:
            _leave_out(name, read, left_out, log)
    python = [file for file in files if file.suffix in PYTHON]
    found: list[Vulnerability] = []
    if python:
        found += bandit_scan.scan(folder, [file.name for file in python], log)
    for file in files:
        try:
            found += (python_scan if file.suffix in PYTHON else javascript_scan).scan(file, log)
        except python_scan.NotParsed as exc:
            _leave_out(file.name, str(exc), left_out, log)
    missing = {each.file for each in left_out}
    return Scan(
        vulnerabilities=_once(found),
        files_scanned=sum(file.name not in missing for file in files),
        not_scanned=tuple(left_out),
    )


def _leave_out(name: str, reason: str, left_out: list[NotScanned], log: logging.Logger) -> None:
    left_out.append(NotScanned(file=name[:1_000], reason=reason[:500]))
    log.warning("not scanned: %s", reason)


def _once(found: Iterable[Vulnerability]) -> tuple[Vulnerability, ...]:
    """One finding for each place and rule: the worst, and of equals the first tool's."""
    kept: dict[tuple[str, int, str], Vulnerability] = {}
    for one in found:
        place = (one.file, one.line, one.rule)
        known = kept.get(place)
        if known is None or SEVERITIES.index(one.severity) > SEVERITIES.index(known.severity):
            kept[place] = one
    return tuple(worst_first(kept.values()))
