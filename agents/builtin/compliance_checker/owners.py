"""CODEOWNERS and source files -> which of them nobody owns. Patterns as GitHub and GitLab read them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

_SECTION = re.compile(r"\^?\[[^\]]{1,200}\](?:\[\d+\])?(.*)")
_MOST_TRIES = 2_000_000
_LONGEST = 300
_MOST_RULES = 2000

Rule = tuple[tuple[str, ...], bool]
"""A pattern's parts, and whether somebody owns what it matches."""


def rules_of(text: str) -> list[Rule]:
    """In the order of the file: the last that matches counts."""
    found: list[Rule] = []
    inherited = False
    for line in text.split("\n"):
        words = re.sub(r"(?:^|\s)#.*", "", line[:2000]).split()
        if not words or len(words[0]) > _LONGEST or len(found) >= _MOST_RULES:
            continue
        if section := _SECTION.match(" ".join(words)):
            inherited = _names(section[1].split())
            continue
        found.append((_parts(words[0]), _names(words[1:]) or (inherited and len(words) == 1)))
    return found


def unowned(rules: Sequence[Rule], files: Sequence[str]) -> list[str]:
    """Those files; with very many rules and files, of as many as can be tried."""
    most = _MOST_TRIES // max(len(rules), 1)
    return [
        name
        for name in files[:most]
        if not next((owned for parts, owned in reversed(rules) if _matches(parts, name.split("/"))), False)
    ]


def _names(words: Sequence[str]) -> bool:
    return any(word.startswith("@") or "@" in word[1:-1] for word in words)


def _parts(pattern: str) -> tuple[str, ...]:
    """`**` for any folders; without a slash but at its end a pattern matches at any depth."""
    pattern = re.sub(r"\*{3,}", "**", pattern)
    folder, bare = pattern.endswith("/"), pattern.strip("/")
    parts = [part for part in bare.split("/") if part]
    if not pattern.startswith("/") and "/" not in bare:
        parts.insert(0, "**")
    # A name may be that of a folder, and then means all that is in it.
    if folder or (parts and "*" not in parts[-1]):
        parts.append("**" if folder else "*?")
    return tuple(parts)


def _matches(parts: Sequence[str], name: Sequence[str]) -> bool:
    """By the lengths of the name's beginning that the pattern's beginning can match: linear in each part."""
    reached = {0}
    for number, part in enumerate(parts):
        if part == "*?":
            return bool(reached)
        if part == "**":
            last = number == len(parts) - 1
            reached = set(range(min(reached) + last, len(name) + 1))
        else:
            reached = {at + 1 for at in reached if at < len(name) and fnmatchcase(name[at], part)}
        if not reached:
            return False
    return len(name) in reached
