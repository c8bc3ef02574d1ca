"""Diagnostics -> text for a terminal, with the source line and the wrong part underlined."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

from compiler.diagnostics.diagnostic import Diagnostic
from compiler.language.source import Source

WIDTH = 110
"""Most characters of a source line that are shown."""


def format_text(diagnostics: Sequence[Diagnostic], sources: Iterable[Source]) -> str:
    """All diagnostics as blocks of text; a last line counts them. Empty where there are none."""
    lines = {source.path: source.text.removeprefix("\ufeff").split("\n") for source in sources}
    blocks = [_block(found, lines.get(found.path, [])) for found in diagnostics]
    if not blocks:
        return ""
    return "\n\n".join([*blocks, summary(diagnostics)]) + "\n"


def summary(diagnostics: Sequence[Diagnostic]) -> str:
    """`2 errors, 1 warning`."""
    errors = sum(found.severity == "error" for found in diagnostics)
    counts = [(errors, "error"), (len(diagnostics) - errors, "warning")]
    return ", ".join(f"{count} {word}{'s' if count != 1 else ''}" for count, word in counts if count)


def _block(found: Diagnostic, lines: Sequence[str]) -> str:
    parts = [f"{found.place}: {found.severity} {found.code}: {safe_text(found.message)}"]
    if found.line <= len(lines):
        parts.extend(_underlined(found, lines[found.line - 1]))
    if found.hint:
        parts.append(f"  = {safe_text(found.hint)}")
    return "\n".join(parts)


def _underlined(found: Diagnostic, line: str) -> list[str]:
    line = line.rstrip("\r")
    start = found.column - 1
    stop = found.end_column - 1 if found.end_line == found.line else len(line)
    stop = max(stop, start + 1)
    cut = max(0, start - WIDTH // 2) if len(line) > WIDTH else 0
    shown = line[cut : cut + WIDTH]
    if not shown.strip():
        return []
    gutter = f"{found.line:>5} | "
    before = _width(safe_text(shown[: start - cut]))
    wide = max(1, _width(safe_text(shown[start - cut : stop - cut])))
    return [f"{gutter}{safe_text(shown)}", f"{' ' * (len(gutter) - 2)}| {' ' * before}{'^' * wide}"]


def safe_text(text: str) -> str:
    """The text with each control, bidirectional or invisible character shown as a mark."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(" " if char == "\t" else "\u2423" if _invisible(char) else char for char in text)


def _invisible(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") and char != "\u200d"


def _width(text: str) -> int:
    """Columns the text takes in a terminal."""
    return sum(
        2 if unicodedata.east_asian_width(char) in "WF" else 0 if unicodedata.combining(char) else 1
        for char in text
    )
