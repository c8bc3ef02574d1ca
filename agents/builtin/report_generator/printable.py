"""Any text -> text that the PDF's built-in fonts can show, and that only shows."""

from __future__ import annotations

import unicodedata

_PLAIN = {0x2013: "-", 0x2014: "-", 0x2018: "'", 0x2019: "'", 0x201C: '"', 0x201D: '"', 0x2022: "-", 0x2192: "->"}
"""Dashes, quotes, bullet and arrow, for which the fonts have no glyph."""


def printable(text: str, *, limit: int = 600) -> str:
    """One line of Latin-1. Letters lose accents only where they must; what cannot be shown becomes `?`."""
    shown = "".join(_character(char) for char in text[: limit * 2].translate(_PLAIN))
    line = " ".join(shown.split())
    return line if len(line) <= limit else f"{line[: limit - 3]}..."


def _character(char: str) -> str:
    if char.isspace():
        return " "
    if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn"):
        return ""  # among them the marks that turn the direction of text
    if ord(char) < 256:
        return char
    plain = "".join(part for part in unicodedata.normalize("NFKD", char) if ord(part) < 256)
    return plain or "?"
