"""A `pattern` -> a short text that it matches, or none where the pattern is beyond this small reader."""

from __future__ import annotations

from compiler.schemas.pattern import PatternRefused, compiled

_COMMON = (
    "text",
    "main",
    "A",
    "1",
    "1.0.0",
    "2000-01-01",
    "2000-01-01T00:00:00Z",
    "https://example.com/",
    "someone@example.com",
    "example.com:443",
    "#channel",
    "CVE-2000-0001",
    "0" * 40,
    "sha256:" + "0" * 64,
)
_ESCAPES = {"d": "0", "w": "a", "s": " ", "D": "a", "W": "-", "S": "a", "t": "\t", "n": "\n", "r": "\r"}
_MAX_LENGTH = 2_000


def text_for(pattern: str, least: int = 0, most: float = _MAX_LENGTH) -> str | None:
    """A text of a length in the given bounds in which the pattern is found; None: not found one."""
    try:
        matcher = compiled(pattern)
        read = _Reader(pattern).alternatives()
    except (PatternRefused, _Unreadable):
        return None
    candidates = [
        *_COMMON,
        "",
        read,
        *(read[:1] * (least - len(read)) + read for _ in range(1) if len(read) < least),
    ]
    candidates += [read + read[-1:] * (least - len(read))] if len(read) < least else []
    return next((text for text in candidates if least <= len(text) <= most and matcher.search(text)), None)


class _Unreadable(Exception):
    """The pattern uses what the reader does not know."""


class _Reader:
    """Reads a pattern from left to right and writes the shortest obvious text for it."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0

    def alternatives(self) -> str:
        first = self._sequence()
        while self._peek() == "|":
            self._at += 1
            self._sequence()
        return first

    def _sequence(self) -> str:
        text = ""
        while self._peek() not in ("", "|", ")"):
            atom = self._atom()
            text += atom * self._times()
            if len(text) > _MAX_LENGTH:
                raise _Unreadable
        return text

    def _peek(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _next(self) -> str:
        char = self._peek()
        self._at += 1
        return char

    def _atom(self) -> str:
        char = self._next()
        if char in "^$":
            return ""
        if char == ".":
            return "a"
        if char == "\\":
            return self._escaped()
        if char == "[":
            return self._class()
        return self._group() if char == "(" else char

    def _escaped(self) -> str:
        char = self._next()
        if char in ("b", "B", "A", "z"):
            return ""
        if char.isalnum() and char not in _ESCAPES:
            raise _Unreadable
        return _ESCAPES.get(char, char)

    def _group(self) -> str:
        if self._peek() == "?":
            start = self._at
            while self._peek() not in ("", ":", ">"):
                self._at += 1
            if self._pattern[start : self._at] not in ("?",) and self._peek() != ">":
                raise _Unreadable
            self._at += 1
        text = self.alternatives()
        if self._next() != ")":
            raise _Unreadable
        return text

    def _class(self) -> str:
        end = self._pattern.find("]", self._at + 1)
        body = self._pattern[self._at : end]
        if end < 0 or "[" in body or body.startswith("]"):
            raise _Unreadable
        self._at = end + 1
        if not body.startswith("^"):
            return _ESCAPES.get(body[1], body[1]) if body.startswith("\\") else body[0]
        return next((char for char in "a0 -A_" if char not in body and "\\" not in body), "~")

    def _times(self) -> int:
        quantifier = self._peek()
        times = 1
        if quantifier and quantifier in "*+?":
            self._at += 1
        elif quantifier == "{":
            end = self._pattern.find("}", self._at)
            least = self._pattern[self._at + 1 : end].partition(",")[0]
            if end < 0 or not least.isdigit():
                raise _Unreadable
            times, self._at = min(int(least), _MAX_LENGTH), end + 1
        if self._peek() == "?" and quantifier in ("*", "+", "?", "{"):
            self._at += 1
        return times
