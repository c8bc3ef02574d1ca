"""The lines around a finding -> whether they show that it is none: what a sum is for, what a cookie is given later."""

from __future__ import annotations

import re
from collections.abc import Sequence

_FOR_COMPARISON = re.compile(
    r"(?i)e[-_]?tag|cache|check_?sum|finger_?print|(?:content|file|asset|chunk|row|module|source)_?hash|dedup|bucket|shard"
    r"|gravatar|websocket|258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
)
"""What a sum is made for that only tells whether something has changed, or that a protocol asks for."""
_FOR_SECRECY = re.compile(r"(?i)passw|secret|token|sign|auth|credential|licen[cs]e|certif|verif|integrity")
_KEYED = re.compile(r"(?i)hmac.*\bsha-?1\b")
"""HMAC does not need a function without collisions; that of SHA-1 is not broken."""
_SAID = re.compile(r"usedforsecurity\W{1,4}False")
_BEGINS = re.compile(
    r"^(\s*)(?:async\s+)?(?:def|func|function|class|module|public|private|protected|static|export|const)\b"
)
_SECURED = re.compile(r"\.(?:set)?[sS]ecure\s*(?:\(|=(?!=))\s*(?![fF]alse)")
_NEAR, _AFTER, _FARTHEST = 6, 15, 60
"""How many lines around, behind and before a line are looked at."""


def is_for_comparison(lines: Sequence[str], number: int) -> bool:
    """Whether a sum at line `number`, from 1, only tells if something has changed, and nothing there speaks of secrets.

    The line and the head of the function around it are looked at. Or whether the project says so itself, as where the
    same call stands nearby for older versions of a library.
    """
    if not 1 <= number <= len(lines):
        return False
    line = lines[number - 1][:1_000]
    if _KEYED.search(line):
        return True
    head = _head(lines, number)
    around = range(max(1, number - _NEAR), min(len(lines), number + _NEAR) + 1)
    if any(_SAID.search(lines[one - 1][:1_000]) and _head(lines, one) == head for one in around):
        return True
    said = line if head is None else f"{line}\n{lines[head][:1_000]}"
    return _FOR_COMPARISON.search(said) is not None and _FOR_SECRECY.search(said) is None


def is_secured_later(lines: Sequence[str], number: int) -> bool:
    """Whether a cookie that is made at line `number`, from 1, is given Secure by one of the next lines."""
    return any(_SECURED.search(one[:1_000]) for one in lines[number : number + _AFTER])


def _head(lines: Sequence[str], number: int) -> int | None:
    """Where the function that a line stands in begins, from 0; None where that is not near."""
    line = lines[number - 1]
    indent = len(line) - len(line.lstrip())
    for place in range(number - 2, max(-1, number - 2 - _FARTHEST), -1):
        found = _BEGINS.match(lines[place][:1_000])
        if found is not None and len(found[1]) < indent:
            return place
    return None
