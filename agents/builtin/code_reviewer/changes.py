"""Two commits of a snapshot -> the changed source files, with the lines that are new in each."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from agents.builtin.scanning.source_files import MAX_FILE_BYTES, SOURCE, SourceFile
from agents.repository.git import Git, GitError
from agents.sdk.errors import AgentError

_HUNK = re.compile(rb"@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_MOST_FILES = 2_000
_DIFF = ("diff-tree", "-p", "-r", "-U0", "--no-renames", "--no-ext-diff", "--no-textconv")


@dataclass(frozen=True, kw_only=True)
class ChangedFile:
    """One source file after the change."""

    source: SourceFile
    new_lines: frozenset[int]


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What changed."""

    files: tuple[ChangedFile, ...]
    names: tuple[str, ...]
    """All changed files, also those that are not source."""
    added: int
    removed: int
    diff: str = field(repr=False)


def changes(path: str, base: str, head: str) -> Changes:
    """Read the changes. Raises AgentError where a commit is unknown."""
    git = Git(folder=Path(path))
    start, end = _commit(git, base), _commit(git, head)
    try:
        listed = git.run("diff-tree", "-r", "-z", "--name-only", "--no-renames", "--diff-filter=d", start, end)
        names = [name.decode("utf-8", "replace") for name in listed.split(b"\0") if name]
        diff = git.run(*_DIFF, start, end)
    except GitError as exc:
        raise AgentError(f"the changes from {base} to {head} cannot be read: {exc}") from exc
    lines = diff.split(b"\n")
    return Changes(
        files=tuple(_files(git, end, start, names)),
        names=tuple(names),
        added=sum(line.startswith(b"+") and not line.startswith(b"+++ ") for line in lines),
        removed=sum(line.startswith(b"-") and not line.startswith(b"--- ") for line in lines),
        diff=diff.decode("utf-8", "replace"),
    )


def _commit(git: Git, name: str) -> str:
    found = git.commit(name)
    if found is None:
        raise AgentError(f"the repository has no commit {name[:100]!r}")
    return found


def _files(git: Git, commit: str, base: str, names: list[str]) -> list[ChangedFile]:
    found: list[ChangedFile] = []
    for name in [one for one in names if Path(one).suffix.lower() in SOURCE][:_MOST_FILES]:
        entry = git.run("ls-tree", "-z", commit, "--", f":(literal){name}").split(b"\0")[0]
        if not entry.startswith((b"100644", b"100755")):
            continue
        content = git.run("cat-file", "blob", entry.split(b"\t")[0].split(b" ")[2].decode())
        if len(content) > MAX_FILE_BYTES or b"\0" in content:
            continue
        found.append(
            ChangedFile(
                source=SourceFile(name=name, text=content.decode("utf-8", "replace")),
                new_lines=_new_lines(git, base, commit, name),
            )
        )
    return found


def _new_lines(git: Git, base: str, commit: str, name: str) -> frozenset[int]:
    diff = git.run(*_DIFF, base, commit, "--", f":(literal){name}")
    lines: set[int] = set()
    for match in _HUNK.finditer(diff):
        start, count = int(match[2]), int(match[3] or 1)
        lines.update(range(start, start + count))
    return frozenset(lines)
