"""A patch in git's format -> its files with the number of lines added and removed, for people."""

from __future__ import annotations

import re
from dataclasses import dataclass

_HUNK = re.compile(r"@@ -\d{1,9}(?:,(\d{1,9}))? \+\d{1,9}(?:,(\d{1,9}))? @@")


@dataclass(kw_only=True)
class FileStat:
    """One file of a patch."""

    name: str
    added: int = 0
    removed: int = 0


def diff_stat(patch: str) -> list[FileStat]:
    """The files in the order of the patch. A line is counted by its place in its hunk, not by how it begins."""
    found: list[FileStat] = []
    old = new = 0
    for line in patch.split("\n"):
        if old > 0 or new > 0:
            kind = line[:1]
            old -= kind in (" ", "-")
            new -= kind in (" ", "+")
            if found:
                found[-1].added += kind == "+"
                found[-1].removed += kind == "-"
        elif line.startswith("diff --git a/"):
            found.append(FileStat(name=line.removeprefix("diff --git a/").partition(" b/")[0]))
        elif hunk := _HUNK.match(line):
            old, new = int(hunk[1] or 1), int(hunk[2] or 1)
    return found
