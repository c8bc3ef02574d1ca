"""Glob pattern + text -> match, in time linear in the text: no backtracking, so no pattern is catastrophic.

`*` stands for anything but `/`, `**` for anything (so `**.py` matches in sub-folders and at top level), `**/` for
any folders or none, `?` for one character but `/`, `[a-z]` and `[!a-z]` for one of a set, `{a,b}` for
alternatives; a backslash takes the next character literally.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import lru_cache

MAX_PATTERN = 1_000
MAX_ALTERNATIVES = 256
MAX_TEXT = 10_000
_SPECIAL = frozenset("*?[{\\")


class GlobError(ValueError):
    """A pattern that cannot be read; the message says why."""


@dataclass(frozen=True, slots=True)
class _Char:
    """One character: from the set, or from outside of it."""

    ranges: tuple[tuple[str, str], ...]
    negated: bool = False

    def accepts(self, char: str) -> bool:
        return any(low <= char <= high for low, high in self.ranges) != self.negated


_ONE = _Char((("/", "/"),), negated=True)
_ANY = _Char((), negated=True)


@dataclass(frozen=True, slots=True)
class _Step:
    """A character, or a run of such characters."""

    char: _Char
    repeated: bool = False


def is_glob(text: str) -> bool:
    """Whether the text is a pattern rather than a plain value."""
    return any(char in _SPECIAL for char in text)


def glob_matches(pattern: str, text: str) -> bool:
    """Whether the whole text fits. Raises GlobError."""
    if len(text) > MAX_TEXT:
        return False
    return any(_fits(steps, text) for steps in _compiled(pattern))


def example_of(pattern: str) -> str:
    """One text that fits. Raises GlobError."""
    parts: list[str] = []
    for step in _compiled(pattern)[0]:
        ranges = step.char.ranges
        parts.append("example" if step.repeated else "x" if step.char.negated else ranges[0][0])
    return "".join(parts)


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> tuple[tuple[_Step, ...], ...]:
    return tuple(_steps(alternative) for plain in expand(pattern) for alternative in _folders(plain))


def expand(pattern: str) -> list[str]:
    """The pattern without braces: `a.{b,c}` is `a.b` and `a.c`. Raises GlobError."""
    if not pattern or len(pattern) > MAX_PATTERN:
        raise GlobError("the pattern is empty" if not pattern else f"the pattern is longer than {MAX_PATTERN}")
    done: list[str] = []
    waiting = [pattern]
    while waiting:
        head = waiting.pop()
        group = _first_group(head)
        if group is None:
            done.append(head)
        else:
            start, stop, options = group
            waiting.extend(head[:start] + option + head[stop:] for option in reversed(options))
        if len(done) + len(waiting) > MAX_ALTERNATIVES:
            raise GlobError(f"the braces stand for more than {MAX_ALTERNATIVES} patterns")
    return done


def _first_group(pattern: str) -> tuple[int, int, list[str]] | None:
    """Start, end and options of the outermost first `{…}`."""
    start, depth, at = -1, 0, 0
    commas: list[int] = []
    while at < len(pattern):
        char = pattern[at]
        if char == "\\":
            at += 1
        elif char == "[" and (close := _set_end(pattern, at)) > 0:
            at = close
        elif char == "{":
            depth += 1
            start = at if depth == 1 else start
        elif char == "," and depth == 1:
            commas.append(at)
        elif char == "}" and depth:
            depth -= 1
            if depth == 0:
                edges = [start, *commas, at]
                options = [pattern[left + 1 : right] for left, right in itertools.pairwise(edges)]
                return start, at + 1, options
        at += 1
    if depth:
        raise GlobError("a `{` is not closed")
    return None


def _set_end(pattern: str, start: int) -> int:
    """Where the `]` of the set begun at `start` stands, or -1."""
    first = start + 2 if pattern[start + 1 : start + 2] in ("!", "^") else start + 1
    return pattern.find("]", first + 1)


def _folders(pattern: str) -> list[str]:
    """`a/**/b` matches `a/b` as well: the pattern with and without its first `**/` steps."""
    if "**/" not in pattern:
        return [pattern]
    if pattern.count("**/") > 4:
        raise GlobError("the pattern holds `**/` more than four times")
    forms = [""]
    parts = pattern.split("**/")
    for index, part in enumerate(parts):
        own_segment = index > 0 and (not parts[index - 1] or parts[index - 1].endswith("/"))
        if index == 0:
            forms = [part]
        elif own_segment:
            forms = [form + joined for form in forms for joined in (part, "**/" + part)]
        else:
            forms = [form + "**/" + part for form in forms]
    return forms


def _steps(pattern: str) -> tuple[_Step, ...]:
    steps: list[_Step] = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        if pattern.startswith("**", at):
            steps.append(_Step(_ANY, repeated=True))
            at += 1
        elif char == "*":
            steps.append(_Step(_ONE, repeated=True))
        elif char == "?":
            steps.append(_Step(_ONE))
        elif char == "[":
            stop = _set_end(pattern, at)
            if stop < 0:
                raise GlobError("a `[` is not closed")
            steps.append(_Step(_set(pattern[at + 1 : stop])))
            at = stop
        else:
            if char == "\\":
                at += 1
                if at == len(pattern):
                    raise GlobError("the pattern ends with a backslash")
            steps.append(_Step(_Char(((pattern[at], pattern[at]),))))
        at += 1
    return tuple(steps)


def _set(body: str) -> _Char:
    negated = body[:1] in ("!", "^")
    chars = body[1:] if negated else body
    ranges: list[tuple[str, str]] = []
    at = 0
    while at < len(chars):
        if chars[at + 1 : at + 2] == "-" and at + 2 < len(chars):
            if chars[at] > chars[at + 2]:
                raise GlobError(f"the range {chars[at : at + 3]!r} is the wrong way round")
            ranges.append((chars[at], chars[at + 2]))
            at += 3
        else:
            ranges.append((chars[at], chars[at]))
            at += 1
    return _Char(tuple(ranges), negated)


def _fits(steps: tuple[_Step, ...], text: str) -> bool:
    """Simulates all ways through the pattern at once: a bit set of places, moved on by each character."""
    repeated = sum(1 << place for place, step in enumerate(steps) if step.repeated)
    accepting: dict[str, int] = {}
    places = _closure(1, repeated)
    for char in text:
        if char not in accepting:
            accepting[char] = sum(1 << place for place, step in enumerate(steps) if step.char.accepts(char))
        moved = places & accepting[char]
        if not moved:
            return False
        places = _closure(moved & repeated | (moved & ~repeated) << 1, repeated)
    return bool(places >> len(steps) & 1)


def _closure(places: int, repeated: int) -> int:
    """The places and those behind repeated steps, which may stand for nothing."""
    while (reached := places | (places & repeated) << 1) != places:
        places = reached
    return places
