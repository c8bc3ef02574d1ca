"""What was asked for, and the repository -> the files to scan, and what they were before the change."""

from __future__ import annotations

import fnmatch
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from agents.builtin.scanning.source_files import MAX_FILE_BYTES, source_names, text_names
from agents.repository.git import Git, GitError

_NOTHING = re.compile(r"0+")
_BLOB = re.compile(r":\d+ (?P<mode>\d+) (?P<old>[0-9a-f]+) [0-9a-f]+ (?P<status>[A-Z])\d*")


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which files, and which kind of scan that makes."""

    names: list[str]
    scan_type: Literal["FULL", "INCREMENTAL"]
    base: str | None = None
    """Where the change began: the last commit it shares with what was given."""
    commit: str | None = None
    before: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    """File, by its name now -> what it held before the change; also where it had another name."""
    around: Sequence[str] = ()
    """The other files of the repository, through which data is followed."""


def choose(folder: Path, scan_type: str, base: str | None, exclude: Sequence[str], log: logging.Logger) -> Choice:
    """The changed files where INCREMENTAL is possible, else all of them; says in the log why."""
    git = Git(folder=folder)
    commit = git.commit("HEAD") if (folder / ".git").exists() else None
    if scan_type == "INCREMENTAL":
        changed = _changed(git, base, commit, exclude, log)
        if changed is not None:
            return changed
    names = [*source_names(folder), *text_names(folder)]
    return Choice(names=_wanted(names, exclude), scan_type="FULL", commit=commit)


def _wanted(names: Iterable[str], exclude: Sequence[str]) -> list[str]:
    patterns = [re.compile(fnmatch.translate(glob)) for glob in exclude]
    return [name for name in names if not any(pattern.match(name) for pattern in patterns)]


def _changed(
    git: Git, base: str | None, commit: str | None, exclude: Sequence[str], log: logging.Logger
) -> Choice | None:
    if commit is None:
        log.warning("the repository has no git history here: scanning all files")
        return None
    given = git.commit(base) if base else None
    if given is None:
        log.warning("base commit %r is %s: scanning all files", base, "unknown" if base else "not given")
        return None
    try:
        start = _shared(git, given, commit)
        listed = git.run("diff-tree", "-r", "-z", "--raw", "--no-abbrev", "-M", "--diff-filter=d", start, commit)
        old = _old_blobs(listed)
        names = _wanted(sorted(old), exclude)
        before = _contents(git, {name: old[name] for name in names if old[name]})
    except GitError as exc:
        log.warning("the changes since %s cannot be listed (%s): scanning all files", given, exc)
        return None
    around = _wanted((name for name in source_names(git.folder) if name not in old), exclude)
    return Choice(names=names, scan_type="INCREMENTAL", base=start, commit=commit, before=before, around=around)


def _shared(git: Git, given: str, commit: str) -> str:
    """The last commit of both, as in `git diff given...commit`; without one, what was given."""
    try:
        return git.text("merge-base", given, commit).split("\n")[0] or given
    except GitError:
        return given


def _old_blobs(listed: bytes) -> dict[str, str]:
    """Name now -> the hash of the content before; empty for a new file. Links and submodules are left out."""
    parts = iter(listed.decode("utf-8", "surrogateescape").split("\0"))
    found: dict[str, str] = {}
    for head in parts:
        entry = _BLOB.match(head)
        if entry is None:
            continue
        name = next(parts, "")
        if entry["status"] in "RC":
            name = next(parts, "")
        if entry["mode"].startswith("100"):
            found[name] = "" if _NOTHING.fullmatch(entry["old"]) else entry["old"]
    return found


def _contents(git: Git, blobs: Mapping[str, str]) -> dict[str, bytes]:
    wanted = list(dict.fromkeys(blobs.values()))
    if not wanted:
        return {}
    answer = git.run("cat-file", "--batch", stdin="".join(f"{blob}\n" for blob in wanted).encode())
    contents: dict[str, bytes] = {}
    at = 0
    for blob in wanted:
        end = answer.index(b"\n", at)
        head = answer[at:end].split()
        at = end + 1
        if len(head) == 3 and head[1] == b"blob":
            size = int(head[2])
            if size <= MAX_FILE_BYTES:
                contents[blob] = answer[at : at + size]
            at += size + 1
    return {name: contents[blob] for name, blob in blobs.items() if blob in contents}
