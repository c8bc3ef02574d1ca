"""Old and new texts of files -> one patch in git's format."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

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
    lines = difflib.unified_diff(_lines(change.old), _lines(change.new), f"a/{name}", f"b/{name}", n=3)
    for line in lines:
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _lines(text: str) -> list[str]:
    """Split at \\n only, as git does; other line ends stay inside of the lines."""
    return [f"{line}\n" for line in text.split("\n")[:-1]] + (
        [text.split("\n")[-1]] if text.split("\n")[-1] else []
    )
