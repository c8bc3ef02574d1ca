"""What was asked for, and the repository -> the files to scan."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from agents.builtin.scanning.source_files import SOURCE, source_names
from agents.repository.git import Git, GitError


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which files, and which kind of scan that makes."""

    names: list[str]
    scan_type: Literal["FULL", "INCREMENTAL"]
    base: str | None = None
    commit: str | None = None


def choose(folder: Path, scan_type: str, base: str | None, log: logging.Logger) -> Choice:
    """The changed files where INCREMENTAL is possible, else all of them; says in the log why."""
    git = Git(folder=folder)
    commit = git.commit("HEAD") if (folder / ".git").exists() else None
    if scan_type == "INCREMENTAL":
        changed = _changed(git, base, commit, log)
        if changed is not None:
            return changed
    return Choice(names=list(source_names(folder)), scan_type="FULL", commit=commit)


def _changed(git: Git, base: str | None, commit: str | None, log: logging.Logger) -> Choice | None:
    if commit is None:
        log.warning("the repository has no git history here: scanning all files")
        return None
    start = git.commit(base) if base else None
    if start is None:
        log.warning("base commit %r is %s: scanning all files", base, "unknown" if base else "not given")
        return None
    try:
        listed = git.run("diff-tree", "-r", "-z", "--name-only", "--no-renames", "--diff-filter=d", start, commit)
    except GitError as exc:
        log.warning("the changes since %s cannot be listed (%s): scanning all files", start, exc)
        return None
    names = [name.decode("utf-8", "surrogateescape") for name in listed.split(b"\0") if name]
    sources = [name for name in names if PurePosixPath(name).suffix.lower() in SOURCE]
    return Choice(names=sorted(sources), scan_type="INCREMENTAL", base=start, commit=commit)
