"""Findings of one file -> a fingerprint for each, which stays the same when lines move or other files change."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable

from agents.builtin.scanning.vulnerability import Vulnerability


def fingerprinted(findings: Iterable[Vulnerability], text: str) -> list[Vulnerability]:
    """Each with a fingerprint over file, rule and the text of its line without white space; equal ones are numbered."""
    lines = text.split("\n")
    seen: Counter[tuple[str, str]] = Counter()
    marked: list[Vulnerability] = []
    for one in sorted(findings, key=lambda one: (one.line, one.rule)):
        line = "".join(lines[one.line - 1].split()) if one.line <= len(lines) else ""
        number = seen[one.rule, line]
        seen[one.rule, line] += 1
        known = "\0".join((one.file, one.rule, line[:2000], str(number)))
        digest = hashlib.sha256(known.encode("utf-8", "surrogateescape")).hexdigest()[:32]
        marked.append(one.model_copy(update={"fingerprint": digest}))
    return marked
