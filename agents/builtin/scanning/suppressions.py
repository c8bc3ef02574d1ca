"""A line of source -> whether it says, with a reason, that a finding on it is accepted."""

from __future__ import annotations

import re
from dataclasses import dataclass

_MARK = re.compile(
    r"(?:#|//|/\*|--|<!--)\s*(?:scan-ignore|nosec|nosemgrep)\b:?\s*(?P<rules>[A-Za-z]+/[\w/,\s-]*?)?\s*(?:--|—|because)\s*(?P<reason>\S.{2,300})",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class Suppression:
    """A finding somebody accepted, on the line itself."""

    rules: frozenset[str]
    """Empty: all rules."""
    reason: str

    def covers(self, rule: str) -> bool:
        """Whether it speaks of this rule."""
        return not self.rules or rule in self.rules


def on_line(lines: list[str], number: int) -> Suppression | None:
    """The suppression on line `number` (from 1), or on a line of its own above it. One without reason is none."""
    for at in (number, number - 1):
        text = lines[at - 1] if 0 < at <= len(lines) else ""
        if at != number and not text.lstrip().startswith(("#", "//", "/*", "--", "<!--")):
            continue
        found = _MARK.search(text[:2000])
        if found:
            rules = frozenset(part.strip() for part in (found["rules"] or "").split(",") if part.strip())
            reason = re.sub(r"\s*(?:\*/|-->)\s*$", "", found["reason"])
            return Suppression(rules=rules, reason="".join(char for char in reason if char.isprintable()).strip())
    return None
