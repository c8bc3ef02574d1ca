"""Hostile text -> text that only shows: nothing in it is interpreted by a terminal, a browser or a Markdown renderer.

Event payloads and agent output reach people's eyes through approval cards and log lines. Control characters, escape
sequences, and bidirectional or invisible characters become visible escapes, and long text is cut with a notice.
"""

from __future__ import annotations

import json
import unicodedata
from typing import Any

_KEPT = {"\n", "\t"}
_HIDDEN_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
# Letters that draw as nothing: they would let two different names look alike.
_BLANK_LETTERS = {"\u115f", "\u1160", "\u3164", "\uffa0", "\u2800", "\u034f", "\u17b4", "\u17b5"}


def safe_text(text: str, *, limit: int = 4_000) -> str:
    """`text` with every character that acts instead of showing written as `\\u…`, at most `limit` characters."""
    shown = "".join(_visible(char) for char in text[: limit + 1])
    if len(text) <= limit and len(shown) <= limit:
        return shown
    return f"{shown[:limit]}… [cut: {len(text):,} characters in all]"


def safe_json(value: Any, *, limit: int = 4_000) -> str:
    """`value` as indented JSON, safe to show and bounded. Newlines inside strings stay escaped, as JSON has them."""
    return safe_text(json.dumps(value, indent=2, ensure_ascii=False, sort_keys=False, default=str), limit=limit)


def fenced(text: str, *, limit: int = 4_000) -> str:
    """`text` as a Markdown code block that it cannot end from inside: Markdown and HTML in it stay text."""
    body = safe_text(text, limit=limit)
    fence = "`" * max(3, _longest_run(body, "`") + 1)
    return f"{fence}text\n{body}\n{fence}"


def inline(text: str, *, limit: int = 200) -> str:
    """One line of safe text for Markdown prose: as a code span it cannot end from inside."""
    body = " ".join(safe_text(text, limit=limit).split())
    mark = "`" * (_longest_run(body, "`") + 1)
    pad = " " if body.startswith("`") or body.endswith("`") or not body else ""
    return f"{mark}{pad}{body}{pad}{mark}"


def _visible(char: str) -> str:
    if char in _KEPT:
        return char
    if char in _BLANK_LETTERS or unicodedata.category(char) in _HIDDEN_CATEGORIES or _is_variation(char):
        return f"\\u{ord(char):04x}"
    return char


def _is_variation(char: str) -> bool:
    return "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef"


def _longest_run(text: str, char: str) -> int:
    longest = run = 0
    for each in text:
        run = run + 1 if each == char else 0
        longest = max(longest, run)
    return longest
