"""A YAML document as plain values that remember where they stand."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pydantic import JsonValue

from compiler.diagnostics.diagnostic import Span

Path = tuple[str | int, ...]
"""The way to a value: keys of mappings and indices of sequences."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """Text, number, boolean or null."""

    value: str | int | float | bool | None
    span: Span
    plain: bool
    """Written without quotes."""


@dataclass(slots=True)
class Sequence:
    """A list."""

    items: list[Value]
    span: Span


@dataclass(slots=True)
class Mapping:
    """An object with text keys."""

    entries: dict[str, Value]
    keys: dict[str, Span]
    """Where each key itself stands."""
    span: Span


Value = Scalar | Sequence | Mapping
_BEFORE, _AFTER = r"(?<![\w.-])", r"(?![\w-]|\.\w)"


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document and the lines it came from."""

    root: Value
    lines: tuple[str, ...]

    def value(self, path: Path) -> Value:
        """The value at the path, or the nearest one that encloses it."""
        found = self.root
        for step in path:
            inner = _step(found, step)
            if inner is not None:
                found = inner
        return found

    def span(self, path: Path) -> Span:
        """Where the value at the path stands."""
        return self.value(path).span

    def key_span(self, path: Path) -> Span:
        """Where the last key of the path stands; the value's place for list items."""
        holder = self.value(path[:-1])
        if path and isinstance(holder, Mapping) and path[-1] in holder.keys:
            return holder.keys[str(path[-1])]
        return self.span(path)

    def within(self, path: Path, *parts: str) -> Span:
        """Where the last part stands inside the one before it, and so on, inside the text at the path. What is not
        found literally (escapes, folded lines) leaves the stretch as it is."""
        span = self.span(path)
        for part in parts:
            span = self._find(part, span) if part else span
        return span

    def _find(self, part: str, whole: Span) -> Span:
        pattern = re.compile(_BEFORE + re.escape(part) + _AFTER if part[0].isalpha() else re.escape(part))
        for number in range(whole.line, min(whole.end_line, len(self.lines)) + 1):
            start = whole.column - 1 if number == whole.line else 0
            stop = whole.end_column - 1 if number == whole.end_line else len(self.lines[number - 1])
            match = pattern.search(self.lines[number - 1], start, stop)
            if match:
                return Span(number, match.start() + 1, number, match.end() + 1)
        return whole


def _step(value: Value, step: str | int) -> Value | None:
    if isinstance(value, Mapping) and isinstance(step, str):
        return value.entries.get(step)
    if isinstance(value, Sequence) and isinstance(step, int) and 0 <= step < len(value.items):
        return value.items[step]
    return None


def plain(value: Value) -> JsonValue:
    """The value as JSON data, without places."""
    if isinstance(value, Scalar):
        return value.value
    if isinstance(value, Sequence):
        return [plain(item) for item in value.items]
    return {key: plain(item) for key, item in value.entries.items()}
