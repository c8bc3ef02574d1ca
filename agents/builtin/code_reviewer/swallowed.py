"""Changed lines -> checks whose refusal is caught now and let go: `except: pass` around `verify(token)`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agents.builtin.code_reviewer.changes import Hunk
from agents.builtin.code_reviewer.old_code import indent

_CATCHES = re.compile(
    r"^\s*(?:except\b[^:]*:|\}?\s*catch\b\s*(?:\([^)]*\))?\s*\{?|rescue\b[^\n]*)\s*(?P<body>[^\n]*)$"
)
_TRIES = re.compile(r"^\s*(?:try\b|begin\b)")
_CHECKS = re.compile(
    r"(?<![\w.])(?:\w+(?:\.|->|::))*_?(?:verify|check|validate|authori[sz]e|authenticate|require|ensure|enforce|permit|guard"
    r"|assert)(?:_\w+|[A-Z]\w*)?[!?]?\s*\(|\bthrow_?if",
    re.IGNORECASE,
)
_LETS_GO = re.compile(
    r"(?:pass|continue|nil|null|return(?:\s+(?:true|nil|null|None|True))?|\.\.\."
    r"|(?:\w+\.|this\.)*(?:log(?:ger|ging)?|console|Rails\.logger)\.\w+\s*\(?.*|print\w*\s*\(.*|puts\b.*"
    r"|error_log\s*\(.*|e\.printStackTrace\(\)|\}|end|\))?\s*;?\s*\}?",
    re.IGNORECASE,
)
_MOST_LINES = 30


def swallowed(hunk: Hunk, before: tuple[str, ...], after: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    """Line of the new text, and the check that no longer refuses. A check that is new itself is no loss."""
    old = {line.strip() for line in before}
    for at, line in enumerate(hunk.added, hunk.new_start):
        found = _CATCHES.match(line) if len(line) < 400 else None
        if found is None or not _lets_go(after, at, found["body"]):
            continue
        check = next((one for one in _tried(after, at) if _CHECKS.search(one) and one in old), None)
        # What was caught in the same way before has not changed.
        if check is not None and not any(_CATCHES.match(each) for each in hunk.removed):
            yield at, check


def _lets_go(lines: tuple[str, ...], at: int, body: str) -> bool:
    """Whether nothing under the `except` on this line refuses."""
    depth, under = indent(lines[at - 1]), [body.strip()]
    for line in lines[at : at + _MOST_LINES]:
        if line.strip() and indent(line) <= depth:
            break
        under.append(line.strip())
    return all(_LETS_GO.fullmatch(line) for line in under)


def _tried(lines: tuple[str, ...], at: int) -> list[str]:
    """The lines between the `try` and the `except` on this line."""
    depth = indent(lines[at - 1])
    taken: list[str] = []
    for line in reversed(lines[max(at - _MOST_LINES, 0) : at - 1]):
        if line.strip() and indent(line) <= depth:
            return taken if _TRIES.match(line) or re.match(r"\s*def\b", line) else []
        taken.append(line.strip())
    return []
