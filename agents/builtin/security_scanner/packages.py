"""What was asked for, and the lock files that were chosen -> the vulnerable packages in them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agents.builtin.scanning.not_scanned import NotScanned
from agents.builtin.scanning.vulnerability import SEVERITIES, Vulnerability
from agents.builtin.security_scanner.choice import Choice
from agents.repository.git import Git, GitError
from agents.sdk.context import Context

if TYPE_CHECKING:
    from agents.builtin.security_scanner import RepositoryInput


@dataclass(frozen=True, kw_only=True)
class Packages:
    """What is told of them."""

    told: tuple[Vulnerability, ...] = ()
    not_scanned: tuple[NotScanned, ...] = ()
    dependencies: int = 0
    advisories: str = ""
    known: int = 0
    below: int = 0


def look_up(folder: Path, choice: Choice, asked: RepositoryInput, context: Context) -> Packages:
    """Nothing is looked up where there is no lock file; where there are no advisories, each is named as not scanned."""
    from agents.builtin.dependencies.scan import lock_files, scan_dependencies
    from agents.builtin.dependencies.sources import source_of

    if not lock_files(choice.names):
        return Packages()
    done = scan_dependencies(
        folder,
        choice.names,
        source=lambda: source_of(asked.advisories_path, context.setting("OSV_API_URL")),
        before=lambda name: _before(folder, choice, name),
    )
    for each in done.not_scanned:
        context.log.warning("not scanned: %s: %s", each.file, each.reason)
    if done.advisories:
        context.log.info("looked up %d package(s), by %s", done.dependencies, done.advisories)
    baseline = set(asked.baseline)
    new = [one for one in done.found if one.fingerprint not in baseline]
    told = tuple(one for one in new if SEVERITIES.index(one.severity) >= SEVERITIES.index(asked.min_severity))
    return Packages(
        told=told,
        not_scanned=tuple(done.not_scanned),
        dependencies=done.dependencies,
        advisories=done.advisories,
        known=len(done.found) - len(new) + done.known,
        below=len(new) - len(told),
    )


def _before(folder: Path, choice: Choice, name: str) -> bytes | None:
    """The file before the change, also where it is too large to be source."""
    if choice.scan_type == "FULL":
        return None
    if name in choice.before:
        return choice.before[name]
    if choice.base is None:
        return None
    try:
        return Git(folder=folder).run("show", f"{choice.base}:{name}")
    except GitError:
        return None
