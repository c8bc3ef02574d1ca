"""A plain YAML scalar -> text, number, boolean or null; or why its meaning is not certain.

YAML 1.1 and 1.2 read `no`, `1e3`, `012`, `12:30` and `2026-01-01` differently, and so do their libraries. What
both read alike is accepted; the rest is explained to the author, never guessed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_SAFE_INTEGER = 2**53 - 1
"""Beyond it, JSON readers lose digits (RFC 8785 refuses such numbers)."""

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_YES_NO = {"y": "true", "yes": "true", "on": "true", "n": "false", "no": "false", "off": "false"}
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?[0-9]+\.[0-9]*(?:[eE][-+][0-9]+)?|[-+]?\.[0-9]+")
_SURPRISES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)[eE][-+]?[0-9]+"), "a number to some and text to others"),
    (re.compile(r"[-+]?0o?[0-7]+"), "an octal number to some readers"),
    (re.compile(r"[-+]?0[0-9]+"), "a number with leading zeros, which get lost"),
    (re.compile(r"[-+]?0[xX][0-9a-fA-F_]+|[-+]?0b[01_]+"), "a number in another base to some readers"),
    (re.compile(r"[-+]?[0-9][0-9_]*_[0-9_]*(?:\.[0-9_]*)?"), "a number to some readers, text to others"),
    (re.compile(r"[-+]?[0-9]+(?::[0-5]?[0-9])+(?:\.[0-9]*)?"), "a number in base 60 to YAML 1.1"),
    (re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt \t].*)?"), "a date to some readers, text to others"),
    (re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"), "a number that JSON cannot hold"),
    (re.compile(r"=|<<"), "a special value to YAML 1.1"),
)


@dataclass(frozen=True, slots=True)
class AmbiguousScalar:
    """Why a plain scalar has no certain meaning."""

    why: str
    hint: str


def resolve(text: str) -> str | int | float | bool | AmbiguousScalar | None:
    """What every YAML reader takes the plain scalar for, or the surprise it holds."""
    if text in _NULL:
        return None
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    if text[0] not in "+-.0123456789=<":
        return _yes_no(text) if len(text) <= 3 else text
    if _INTEGER.fullmatch(text):
        return _integer(text)
    if _FLOAT.fullmatch(text) and not re.match(r"[-+]?0[0-9]", text):
        number = float(text)
        return (
            number
            if abs(number) < float("inf")
            else AmbiguousScalar("a number too large", "write it in quotes, as text")
        )
    return _surprise(text) or text


def _integer(text: str) -> int | AmbiguousScalar:
    if len(text) > 17 or abs(int(text)) > MAX_SAFE_INTEGER:
        return AmbiguousScalar("a number too large to be kept exactly", "write it in quotes, as text")
    return int(text)


def _yes_no(text: str) -> str | AmbiguousScalar:
    truth = _YES_NO.get(text.lower())
    if truth is None:
        return text
    return AmbiguousScalar(f"`{truth}` to YAML 1.1 and text to YAML 1.2", f'write {truth}, or "{text}" in quotes')


def _surprise(text: str) -> AmbiguousScalar | None:
    for pattern, why in _SURPRISES:
        if len(text) <= 100 and pattern.fullmatch(text):
            return AmbiguousScalar(why, f'write "{text}" in quotes if text is meant')
    return None
