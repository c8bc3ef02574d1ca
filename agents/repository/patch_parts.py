"""A patch in git's format -> its files and hunks, and the same patch without some of them."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

_HEAD = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")


@dataclass(frozen=True, kw_only=True)
class PatchHunk:
    """One place that is changed."""

    old_start: int
    old_count: int
    new_start: int
    new_count: int
    body: str
    """Its lines after the one that begins with `@@`, each with its end."""

    def holds(self, line: int) -> bool:
        """Whether a line of the old text, counted from 1, is among those it shows."""
        return self.old_start <= line < self.old_start + max(self.old_count, 1)

    @property
    def added(self) -> list[str]:
        """Lines that it adds."""
        return [line[1:] for line in self.body.split("\n") if line.startswith("+")]

    @property
    def removed(self) -> list[str]:
        """Lines that it removes."""
        return [line[1:] for line in self.body.split("\n") if line.startswith("-")]


@dataclass(frozen=True, kw_only=True)
class FilePatch:
    """The changes of one file."""

    name: str
    head: str
    """Up to the first hunk."""
    hunks: tuple[PatchHunk, ...]

    def without(self, left_out: Collection[int]) -> str:
        """The patch of the file without these hunks, counted from 0; empty where none is left."""
        kept: list[str] = []
        shift = moved = 0
        for at, hunk in enumerate(self.hunks):
            if at not in left_out:
                start = hunk.new_start - shift + moved
                place = f"-{_range(hunk.old_start, hunk.old_count)} +{_range(start, hunk.new_count)}"
                kept.append(f"@@ {place} @@\n{hunk.body}")
                moved += hunk.new_count - hunk.old_count
            shift += hunk.new_count - hunk.old_count
        return self.head + "".join(kept) if kept else ""


def files_of(patch: str) -> dict[str, FilePatch]:
    """Name -> changes. What is no patch of a file in git's format is left out."""
    pieces = re.split(r"^(?=diff --git a/)", patch, flags=re.MULTILINE)
    found: dict[str, FilePatch] = {}
    for piece in pieces:
        if name := re.match(r"diff --git a/(.+) b/\1\n", piece):
            head, *hunks = re.split(r"^(?=@@ -)", piece, flags=re.MULTILINE)
            found[name[1]] = FilePatch(name=name[1], head=head, hunks=tuple(_hunk(each) for each in hunks))
    return found


def _hunk(text: str) -> PatchHunk:
    first, _, body = text.partition("\n")
    numbers = _HEAD.match(first)
    old_start, old_count, new_start, new_count = numbers.groups() if numbers else ("0", "0", "0", "0")
    return PatchHunk(
        old_start=int(old_start),
        old_count=int(old_count or 1),
        new_start=int(new_start),
        new_count=int(new_count or 1),
        body=body,
    )


def _range(start: int, count: int) -> str:
    return f"{start}" if count == 1 else f"{start},{count}"
