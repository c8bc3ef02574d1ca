"""A YAML document as plain values that remember where they stand."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import JsonValue

from compiler.diagnostic import Span

Path = tuple[str | int, ...]
"""The way to a value: keys of mappings and indices of sequences."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """Text, number, boolean or null."""

    value: str | int | float | bool | None
    span: Span
    plain: bool
    """Written without quotes."""


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    items: list[Value]
    span: Span


@dataclass(frozen=True, slots=True)
class Mapping:
    """An object with text keys."""

    entries: dict[str, Value]
    keys: dict[str, Span]
    """Where each key itself stands."""
    span: Span


Value = Scalar | Sequence | Mapping


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document and the lines it came from."""

    root: Value
    text: str

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

    def within(self, path: Path, part: str, *, occurrence: int = 0) -> Span:
        """Where `part` stands inside the text at the path; the whole text where it is not found literally
        (escapes, folded lines)."""
        whole = self.span(path)
        lines = self.text.split("\n", whole.end_line)[whole.line - 1 : whole.end_line]
        for number, line in enumerate(lines, whole.line):
            start = whole.column - 1 if number == whole.line else 0
            stop = whole.end_column - 1 if number == whole.end_line else len(line)
            while part and (at := line.find(part, start, stop)) >= 0:
                if occurrence == 0:
                    return Span(number, at + 1, number, at + 1 + len(part))
                occurrence, start = occurrence - 1, at + len(part)
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
