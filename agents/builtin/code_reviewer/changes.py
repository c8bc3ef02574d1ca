"""Two commits of a snapshot -> the changed files: what each line was, what it is, and which lines are new.

A renamed file is compared with what it was called before: a pure rename brings and removes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from agents.builtin.scanning.source_files import MAX_FILE_BYTES, SOURCE, SourceFile
from agents.repository.git import Git, GitError
from agents.sdk.errors import AgentError

CODE = SOURCE | frozenset(
    ".java .kt .kts .scala .groovy .go .rb .php .cs .rs .c .cc .cpp .h .hpp .swift .dart .sh .vue .svelte .html .erb "
    ".jinja .jinja2 .j2 .ejs .hbs .twig .cshtml .razor .jsp .sql".split()
)
"""Files whose removed lines are looked at; the other rules are for `SOURCE`."""
_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_MOST_FILES = 2_000
_LONGEST_TEXT = 200_000
_DIFF = ("diff-tree", "-p", "-r", "-U0", "-M", "--no-ext-diff", "--no-textconv")
_RAW = ("diff-tree", "-r", "-z", "-M", "--raw", "--no-abbrev")
_PLAIN = ("100644", "100755")


@dataclass(frozen=True, kw_only=True)
class Hunk:
    """Lines that took the place of others."""

    old_start: int
    removed: tuple[str, ...]
    new_start: int
    added: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One changed text file, of any kind of code."""

    name: str
    """Path after the change; before it, where the file is gone."""
    old_name: str
    before: str
    """Empty where the file is new."""
    after: str | None
    """None where the file is gone."""
    hunks: tuple[Hunk, ...]


@dataclass(frozen=True, kw_only=True)
class ChangedFile:
    """One source file after the change."""

    source: SourceFile
    new_lines: frozenset[int]
    before: str = ""


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What changed."""

    files: tuple[ChangedFile, ...]
    names: tuple[str, ...]
    """All files with changed content, also those that are not source; without those that are gone."""
    added: int
    removed: int
    diff: str = field(repr=False)
    differences: tuple[Difference, ...] = ()
    texts: tuple[Difference, ...] = ()
    """Changed text files that are no code, such as manifests and files of settings, without their hunks."""
    git: Git | None = field(default=None, repr=False)
    base: str = ""
    """Full hash of the commit before."""


@dataclass(frozen=True, kw_only=True)
class _Entry:
    """One line of git's raw list."""

    old_mode: str
    new_mode: str
    old_blob: str
    new_blob: str
    old_name: str
    name: str


def changes(path: str, base: str, head: str) -> Changes:
    """Read the changes. Raises AgentError where a commit is unknown."""
    git = Git(folder=Path(path))
    start, end = _commit(git, base), _commit(git, head)
    try:
        entries = [one for one in _entries(git, start, end) if one.old_blob != one.new_blob]
        diff = git.run(*_DIFF, start, end)
        differences = tuple(_differences(git, entries))
        texts = tuple(_other_texts(git, entries))
    except GitError as exc:
        raise AgentError(f"the changes from {base} to {head} cannot be read: {exc}") from exc
    lines = diff.split(b"\n")
    return Changes(
        files=tuple(_sources(differences)),
        names=tuple(one.name for one in entries if one.new_mode != "000000"),
        added=sum(line.startswith(b"+") and not line.startswith(b"+++ ") for line in lines),
        removed=sum(line.startswith(b"-") and not line.startswith(b"--- ") for line in lines),
        diff=diff.decode("utf-8", "replace"),
        differences=differences,
        texts=texts,
        git=git,
        base=start,
    )


def _commit(git: Git, name: str) -> str:
    found = git.commit(name)
    if found is None:
        raise AgentError(f"the repository has no commit {name[:100]!r}")
    return found


def _entries(git: Git, start: str, end: str) -> Iterator[_Entry]:
    parts = iter(git.run(*_RAW, start, end).decode("utf-8", "replace").split("\0"))
    for facts in parts:
        if not facts.startswith(":"):
            continue
        old_mode, new_mode, old_blob, new_blob, status = facts[1:].split(" ")
        old_name = name = next(parts)
        if status[:1] in ("R", "C"):
            name = next(parts)
        yield _Entry(
            old_mode=old_mode,
            new_mode=new_mode,
            old_blob=old_blob,
            new_blob=new_blob,
            old_name=old_name,
            name=name,
        )


def _differences(git: Git, entries: list[_Entry]) -> Iterator[Difference]:
    code = [one for one in entries if PurePosixPath(one.name).suffix.lower() in CODE]
    for one in code[:_MOST_FILES]:
        before = _text(git, one.old_mode, one.old_blob)
        after = _text(git, one.new_mode, one.new_blob)
        if before is None and after is None:
            continue
        yield Difference(
            name=one.name,
            old_name=one.old_name,
            before=before or "",
            after=after,
            hunks=tuple(_hunks(git, one, before, after)),
        )


def _other_texts(git: Git, entries: list[_Entry]) -> Iterator[Difference]:
    """What the scanner reads besides code. Lock files and what machines write are large, and nobody's words."""
    others = [one for one in entries if PurePosixPath(one.name).suffix.lower() not in CODE]
    for one in others[:_MOST_FILES]:
        before, after = (
            _text(git, *each) for each in ((one.old_mode, one.old_blob), (one.new_mode, one.new_blob))
        )
        if after is not None and len(after) <= _LONGEST_TEXT:
            yield Difference(name=one.name, old_name=one.old_name, before=before or "", after=after, hunks=())


def _text(git: Git, mode: str, blob: str) -> str | None:
    """A plain file's text; None for links, submodules, large and binary files."""
    if mode not in _PLAIN:
        return None
    content = git.run("cat-file", "blob", blob)
    return None if len(content) > MAX_FILE_BYTES or b"\0" in content else content.decode("utf-8", "replace")


def _hunks(git: Git, entry: _Entry, before: str | None, after: str | None) -> Iterator[Hunk]:
    if before is None:
        lines = tuple((after or "").split("\n"))
        yield Hunk(old_start=0, removed=(), new_start=1, added=lines[:-1] if lines[-1] == "" else lines)
        return
    if after is None:
        yield Hunk(old_start=1, removed=tuple(before.split("\n")), new_start=0, added=())
        return
    options = ("-U0", "--no-ext-diff", "--no-textconv", "--no-color")
    diff = git.run("diff", *options, entry.old_blob, entry.new_blob).decode("utf-8", "replace")
    yield from _parse(diff.split("\n"))


def _parse(lines: list[str]) -> Iterator[Hunk]:
    at = 0
    while at < len(lines):
        head = _HUNK.match(lines[at])
        at += 1
        if head is None:
            continue
        end = at
        while end < len(lines) and lines[end][:1] in ("-", "+", "\\"):
            end += 1
        body, at = lines[at:end], end
        yield Hunk(
            old_start=int(head[1]),
            removed=tuple(line[1:] for line in body if line.startswith("-")),
            new_start=int(head[3]),
            added=tuple(line[1:] for line in body if line.startswith("+")),
        )


def _sources(differences: tuple[Difference, ...]) -> Iterator[ChangedFile]:
    for one in differences:
        if one.after is None or PurePosixPath(one.name).suffix.lower() not in SOURCE:
            continue
        new_lines = {
            number for hunk in one.hunks for number in range(hunk.new_start, hunk.new_start + len(hunk.added))
        }
        yield ChangedFile(
            source=SourceFile(name=one.name, text=one.after), new_lines=frozenset(new_lines), before=one.before
        )
