"""Two versions of a package -> which is older, by the rules of its ecosystem. A version that has no place is None."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from typing import Any

from packaging.version import InvalidVersion, Version
from semver import Version as SemanticVersion

_SEMANTIC = re.compile(
    r"v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:[-.]?([0-9A-Za-z][0-9A-Za-z.-]*))?(?:\+[0-9A-Za-z.-]+)?"
)
_PARTS = re.compile(r"\d+|[a-z]+")

Key = Any
"""Something that can be compared with another of the same ecosystem."""


def key_of(ecosystem: str, version: str) -> Key | None:
    """What to compare; None where the text is no version there."""
    rule = _RULES.get(ecosystem.partition(":")[0])
    if rule is None or not version or len(version) > 200:
        return None
    try:
        return rule(version.strip())
    except (InvalidVersion, ValueError, TypeError):
        return None


def same_major(ecosystem: str, one: str, other: str) -> bool:
    """Whether the step from one to the other stays in a major version; below 1.0 a minor version counts as one."""
    numbers = [tuple(int(part) for part in re.findall(r"\d+", each)[:2]) for each in (one, other)]
    if not all(numbers) or key_of(ecosystem, one) is None or key_of(ecosystem, other) is None:
        return False
    first, second = ((*each, 0)[:2] for each in numbers)
    return first[0] == second[0] and (first[0] > 0 or first[1] == second[1])


def _python(version: str) -> Key:
    return Version(version)


def _semantic(version: str) -> Key:
    match = _SEMANTIC.fullmatch(version)
    if match is None:
        raise ValueError(version)
    core = ".".join(part or "0" for part in match.groups()[:3])
    # Numbers with a leading zero are written and are none in the standard: without it they sort the same.
    before = re.sub(r"(?:(?<=\.)|^)0+(?=\d+(?:\.|$))", "", match[4]) if match[4] else ""
    return SemanticVersion.parse(f"{core}-{before}" if before else core)


_Part = tuple[int, int, str]
"""Kind, rank, word. Kind 1: a number, of that rank; 0: a word near to nothing; -1: a word before it."""
_NOTHING: _Part = (0, 0, "")
"""Stands for what is not there: after every pre-release, before a service pack and any number."""


def _trimmed(parts: list[_Part]) -> list[_Part]:
    """Without zeros at the end and before words: 1.0-rc1 is 1-rc1."""
    found: list[_Part] = []
    for part in [*parts, _NOTHING]:
        if part[0] != 1:
            while found and found[-1] in ((1, 0, ""), _NOTHING):
                found.pop()
        found.append(part)
    return found[:-1]


_QUALIFIERS = {
    "alpha": -5,
    "a": -5,
    "beta": -4,
    "b": -4,
    "milestone": -3,
    "m": -3,
    "rc": -2,
    "cr": -2,
    "snapshot": -1,
}
_RELEASE = frozenset({"", "ga", "final", "release"})


def _maven(version: str) -> Key:
    """Maven's order: numbers after words, pre-releases before the release, `sp` and unknown words after it."""
    if not re.fullmatch(r"[0-9A-Za-z._+-]+", version):
        raise ValueError(version)
    text = re.sub(r"(?<=\d)(?=[a-z])|(?<=[a-z])(?=\d)", "-", version.lower())
    parts: list[_Part] = []
    for part in re.split(r"[-.]", text):
        if part.isdigit():
            parts.append((1, int(part), ""))
        elif part in _RELEASE:
            parts.append(_NOTHING)
        elif part in _QUALIFIERS:
            parts.append((0, _QUALIFIERS[part], ""))
        else:
            parts.append((0, 1 if part == "sp" else 2, part))
    return _Padded(_trimmed(parts))


def _gems(version: str) -> Key:
    """RubyGems' order: numbers after words, so that 1.0.a comes before 1.0."""
    if not re.fullmatch(r"[0-9]+(?:[.-]?[0-9A-Za-z]+)*", version):
        raise ValueError(version)
    found = _PARTS.findall(version.lower())
    return _Padded(_trimmed([(1, int(part), "") if part.isdigit() else (-1, 0, part) for part in found]))


_COMPOSER = {"dev": -5, "alpha": -4, "a": -4, "beta": -3, "b": -3, "rc": -2, "pl": 2, "p": 2, "patch": 2}


def _composer(version: str) -> Key:
    """Composer's order; a branch (`dev-main`) has no place in it."""
    text = version.lower().removeprefix("v").partition("+")[0]
    if not text[:1].isdigit():
        raise ValueError(version)
    words = [part for part in _PARTS.findall(text) if part != "stable"]
    return _Padded(
        _trimmed([(1, int(part), "") if part.isdigit() else (0, _COMPOSER.get(part, -1), "") for part in words])
    )


class _Padded:
    """A list of parts; the shorter of two is filled up with what stands for nothing."""

    def __init__(self, parts: list[_Part]) -> None:
        self.parts = parts

    def __lt__(self, other: _Padded) -> bool:
        pairs = itertools.zip_longest(self.parts, other.parts, fillvalue=_NOTHING)
        first = next(((one, two) for one, two in pairs if one != two), None)
        return first is not None and first[0] < first[1]

    def __le__(self, other: _Padded) -> bool:
        return not other < self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Padded) and self <= other and other <= self

    def __hash__(self) -> int:
        return hash(tuple(self.parts))


_RULES: dict[str, Callable[[str], Key]] = {
    "PyPI": _python,
    "npm": _semantic,
    "Go": _semantic,
    "crates.io": _semantic,
    "Maven": _maven,
    "RubyGems": _gems,
    "Packagist": _composer,
}
