"""Old and new texts of files -> one patch in git's format."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_CONTEXT = 3
"""Unchanged lines shown before and after a change."""
_PLAIN_NAME = re.compile(r"[^\x00-\x1f\x7f\"\\]+")


@dataclass(frozen=True)
class Change:
    """One file before and after."""

    old: str
    new: str


def has_plain_name(name: str) -> bool:
    """Whether the name can stand in a patch without quotes."""
    return _PLAIN_NAME.fullmatch(name) is not None and name.isascii()


def patch(changes: Mapping[str, Change]) -> str:
    """The patch; empty where nothing changes."""
    return "".join(line for name in sorted(changes) for line in _file(name, changes[name]))


def changed_lines(text: str) -> int:
    """How many lines a patch adds or removes."""
    return sum(line.startswith(("+", "-")) and not line.startswith(("+++ ", "--- ")) for line in text.split("\n"))


def _file(name: str, change: Change) -> Iterator[str]:
    if change.old == change.new:
        return
    yield f"diff --git a/{name} b/{name}\n"
    yield f"--- a/{name}\n+++ b/{name}\n"
    old, new = _lines(change.old), _lines(change.new)
    opcodes = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    changed = [codes[1:] for codes in opcodes if codes[0] != "equal"]
    for at, (start, end, new_start, new_end) in enumerate(changed):
        before = _context(changed[at - 1][1] if at else None, start, len(old))[1]
        after = _context(end, changed[at + 1][0] if at + 1 < len(changed) else None, len(old))[0]
        lines = [
            *(f" {line}" for line in old[start - before : start]),
            *(f"-{line}" for line in old[start:end]),
            *(f"+{line}" for line in new[new_start:new_end]),
            *(f" {line}" for line in old[end : end + after]),
        ]
        yield f"@@ -{_range(start - before, end + after)} +{_range(new_start - before, new_end + after)} @@\n"
        for line in lines:
            yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _context(end: int | None, start: int | None, length: int) -> tuple[int, int]:
    """How many of the unchanged lines between two changes are shown with the first and with the second.

    Each place stays a hunk of its own, so that one can be taken out and the others still fit.
    """
    if end is None or start is None:
        return min(_CONTEXT, length - (end or 0)), min(_CONTEXT, start or 0)
    first = min(_CONTEXT, (start - end + 1) // 2)
    return first, min(_CONTEXT, start - end - first)


def _range(start: int, end: int) -> str:
    count = end - start
    return f"{start + 1 if count else start},{count}" if count != 1 else f"{start + 1}"


def _lines(text: str) -> list[str]:
    """Split at \\n only, as git does; other line ends stay inside of the lines."""
    return [f"{line}\n" for line in text.split("\n")[:-1]] + (
        [text.split("\n")[-1]] if text.split("\n")[-1] else []
    )
