"""YAML text -> document with places, and diagnostics for all that YAML allows and workflows do not.

Works on the parser's events with an explicit stack, so nesting costs no recursion; aliases, merge keys, tags and
further documents are refused where they stand, so a small file never becomes a large value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from compiler.diagnostics.diagnostic import START, DiagnosticList, Span, quoted
from compiler.language.document import Document, Mapping, Scalar, Sequence, Value
from compiler.language.other_tools import key_hint
from compiler.language.plain_scalars import AmbiguousScalar, resolve
from compiler.language.source import MAX_BYTES, Source

MAX_DEPTH = 60
MAX_VALUES = 400_000
MAX_LINES = 250_000

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x85\u2028\u2029\ud800-\udfff\ufffe\uffff]|\r(?!\n)")
"""What YAML forbids, and what only some of its readers take for the end of a line."""
_Parser: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Used for its parser alone: no value is ever constructed by it."""


class _Stop(Exception):
    """The document is beyond reading; the report says why."""


@dataclass
class _Open:
    """A collection whose end has not come yet."""

    value: Sequence | Mapping
    flow: bool = False
    spoilt: bool = False
    """One of its keys was no key, so the whole is hardly what the author meant."""
    key: str | None = None
    """The mapping's key that waits for its value."""
    key_seen: bool = False


def compose(source: Source, report: DiagnosticList) -> Document | None:
    """The document, or None where no value can be trusted any further."""
    text = source.text.removeprefix("\ufeff")
    if not _readable(source, text, report):
        return None
    composer = _Composer(report, text)
    try:
        for event in _events(text, report):
            composer.take(event)
    except _Stop:
        return None
    if composer.root is None:
        report.add("CC108", START, "the file is empty", hint="a workflow needs at least `name` and `nodes`")
        return None
    return Document(composer.root, tuple(text.split("\n")))


def _readable(source: Source, text: str, report: DiagnosticList) -> bool:
    if source.fault is not None:
        report.add("CC101", START, source.fault, hint="a workflow is a UTF-8 text file of at most 4 MB")
    elif len(text) > MAX_BYTES:
        report.add("CC101", START, f"the text is longer than {MAX_BYTES:,} characters", hint="split the workflow")
    elif text.count("\n") > MAX_LINES:
        report.add("CC104", START, f"the file has more than {MAX_LINES:,} lines", hint="split the workflow")
    elif (at := _unprintable(text)) is not None:
        line = text.count("\n", 0, at) + 1
        column = at - text.rfind("\n", 0, at)
        report.add(
            "CC102",
            Span(line, column, line, column + 1),
            f"the file holds the character U+{ord(text[at]):04X}, which YAML does not allow",
            hint="remove it, or write it as an escape in double quotes",
        )
    else:
        return True
    return False


def _unprintable(text: str) -> int | None:
    match = _FORBIDDEN.search(text)
    return match.start() if match else None


def _events(text: str, report: DiagnosticList) -> Iterator[Any]:
    parser = _Parser(text)
    try:
        while parser.check_event():
            yield parser.get_event()
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        span = Span(mark.line + 1, mark.column + 1, mark.line + 1, mark.column + 2) if mark else START
        report.add("CC103", span, f"this is not YAML: {_sentence(exc)}", hint=_advice(text, span))
        raise _Stop from exc
    except yaml.YAMLError as exc:
        report.add("CC103", START, f"this is not YAML: {quoted(exc)}")
        raise _Stop from exc
    finally:
        parser.dispose()


def _sentence(exc: yaml.MarkedYAMLError) -> str:
    return " ".join(part for part in (exc.problem, exc.context) if part) or "it cannot be parsed"


def _advice(text: str, span: Span) -> str:
    lines = text.split("\n", span.line)
    line = lines[span.line - 1] if span.line <= len(lines) else ""
    if "\t" in line[: span.column]:
        return "indent with spaces, YAML does not allow tabs"
    if quote := _quote_inside(line, span.column):
        other = "'" if quote == '"' else '"'
        return (
            f"the text ends at this {quote}: inside of {quote} … {quote}, write the template's texts with {other}"
        )
    if "{{" in line and line[span.column - 2 : span.column - 1] not in ('"', "'"):
        return 'put a template in quotes: "{{ … }}"'
    return "check the indentation and the quotes above this place"


def _quote_inside(line: str, column: int) -> str:
    """The quote that ends a text in the middle of one of its templates, before that column; empty: none does."""
    before = line[: column - 1]
    start = before.rfind("{{")
    if start < 0 or "}}" in before[start:]:
        return ""
    around = before[:start]
    opened = max('"', "'", key=around.rfind)
    # An even number before the template: it stands in no text of this quote.
    inside = around.count(opened) % 2 == 1
    return opened if inside and opened in before[start:] else ""


def _span(event: Any) -> Span:
    start, end = event.start_mark, event.end_mark
    return Span(start.line + 1, start.column + 1, end.line + 1, end.column + 1)


@dataclass
class _Composer:
    """Builds the tree, one event at a time."""

    report: DiagnosticList
    text: str
    root: Value | None = None
    _stack: list[_Open] = field(default_factory=list[_Open])
    _count: int = 0
    _documents: int = 0

    def take(self, event: Any) -> None:
        """Add what the event brings."""
        if isinstance(event, yaml.ScalarEvent):
            self._add(self._scalar(event), event)
        elif isinstance(event, yaml.MappingStartEvent):
            self._open(Mapping({}, {}, _span(event)), event)
        elif isinstance(event, yaml.SequenceStartEvent):
            self._open(Sequence([], _span(event)), event)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._close(event)
        elif isinstance(event, yaml.AliasEvent):
            self._refuse_alias(event)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._start_document(event)

    def _start_document(self, event: Any) -> None:
        self._documents += 1
        if self._documents > 1:
            hint = "one workflow per file: put the second one into a file of its own"
            self.report.add("CC107", _span(event), "a second YAML document starts here", hint=hint)
            raise _Stop

    def _open(self, value: Sequence | Mapping, event: Any) -> None:
        self._check_marks(event, value.span)
        if len(self._stack) >= MAX_DEPTH:
            self.report.add(
                "CC104", value.span, f"values are nested deeper than {MAX_DEPTH} levels", hint="flatten the value"
            )
            raise _Stop
        self._add(value, event)
        self._stack.append(_Open(value, flow=bool(event.flow_style)))

    def _close(self, event: Any) -> None:
        """A collection in brackets stands where it is written; one in lines is known by its first line."""
        opened = self._stack.pop()
        start, end = opened.value.span, event.end_mark
        if opened.flow:
            opened.value.span = Span(start.line, start.column, end.line + 1, end.column + 1)
        if opened.spoilt:
            self.report.ignore(opened.value.span)

    def _scalar(self, event: Any) -> Scalar:
        span = _span(event)
        self._check_marks(event, span)
        plain = event.style is None or event.style == ""
        found = resolve(event.value) if plain else str(event.value)
        if isinstance(found, AmbiguousScalar):
            if not (self._awaits_key() and event.value == "<<"):
                message = f"`{event.value}` without quotes is {found.why}"
                hint = self._key_advice(event.value) if self._awaits_key() else found.hint
                self.report.add("CC110", span, message, hint=hint)
                self.report.ignore(span)
            return Scalar(event.value, span, plain)
        if not plain and "\x00" in event.value:
            self.report.add("CC102", span, "the text holds a NUL character", hint="remove the \\0 escape")
        return Scalar(found, span, plain)

    def _key_advice(self, key: str) -> str:
        """A key is never the boolean that it looks like: what other tools have as the file's own key, or the text."""
        foreign = key_hint(key, ()) if len(self._stack) == 1 else ""
        return foreign or f'write "{key}" in quotes'

    def _check_marks(self, event: Any, span: Span) -> None:
        if event.anchor is not None:
            message = f"the anchor {quoted('&' + event.anchor)} is not allowed"
            self.report.add("CC105", span, message, hint="write the value out where it is needed")
        if event.tag is not None and event.tag != "!":
            message = f"the tag {quoted(event.tag)} is not allowed"
            self.report.add("CC106", span, message, hint="leave the tag out; write text in quotes")

    def _refuse_alias(self, event: Any) -> None:
        span = _span(event)
        message = f"the alias {quoted('*' + event.anchor)} is not allowed"
        hint = "write the value out; if text that starts with `*` is meant, put it in quotes"
        self.report.add("CC105", span, message, hint=hint)
        self.report.ignore(span)
        self._add(Scalar(None, span, True), event)

    def _awaits_key(self) -> bool:
        return bool(self._stack) and isinstance(self._stack[-1].value, Mapping) and not self._stack[-1].key_seen

    def _add(self, value: Value, event: Any) -> None:
        self._count += 1
        if self.report.full:
            raise _Stop
        if self._count > MAX_VALUES:
            self.report.add("CC104", value.span, f"the file holds more than {MAX_VALUES:,} values")
            raise _Stop
        if not self._stack:
            self.root = value
            return
        top = self._stack[-1]
        if isinstance(top.value, Sequence):
            top.value.items.append(value)
        elif not top.key_seen:
            top.key, top.key_seen = self._key(top.value, value), True
        else:
            if top.key is not None:
                top.value.entries[top.key] = value
            top.key_seen = False

    def _key(self, mapping: Mapping, key: Value) -> str | None:
        """The key as text; None where the entry cannot be kept."""
        if not isinstance(key, Scalar):
            template = mapping.span.line == key.span.line and isinstance(key, Mapping)
            hint = 'put a template in quotes: "{{ … }}"' if template else "put it in quotes"
            self.report.add("CC109", key.span, "a key must be text", hint=hint)
            self._stack[-1].spoilt = True
            return None
        if key.value == "<<" and key.plain:
            hint = "write the merged entries out"
            self.report.add("CC105", key.span, "the merge key `<<` is not allowed", hint=hint)
            return None
        if not isinstance(key.value, str):
            self.report.add("CC109", key.span, f"the key {quoted(key.value)} is not text", hint="put it in quotes")
            return None
        if key.value in mapping.entries:
            first = mapping.keys[key.value]
            message = f"the key {quoted(key.value)} stands here a second time"
            hint = f"the first one is in line {first.line}; keep one of them"
            self.report.add("CC111", key.span, message, hint=hint)
            return None
        mapping.keys[key.value] = key.span
        return key.value
