"""A removed line -> the commit that had brought it, where its message calls it a fix."""

from __future__ import annotations

import re

from agents.builtin.code_reviewer.changes import Changes
from agents.repository.git import GitError

_FIX = re.compile(
    r"\b(?:fix|fixes|fixed|cve-\d|ghsa-|security|vulnerab\w*|travers\w*|inject\w*|xss|csrf|ssrf|harden\w*|sanitiz\w*"
    r"|escape\w*|validat\w*|prevent\w*|protect\w*|restrict\w*)",
    re.IGNORECASE,
)


def added_by(changes: Changes, name: str, line: int) -> str:
    """A sentence naming that commit; empty where there is none, or where the history does not reach back."""
    if changes.git is None:
        return ""
    options = ("--porcelain", "-L", f"{line},{line}", changes.base, "--", name)
    try:
        said = changes.git.text("blame", *options).split("\n")
    except GitError:
        return ""
    subject = next((text.removeprefix("summary ") for text in said if text.startswith("summary ")), "")
    if not _FIX.search(subject):
        return ""
    plain = " ".join("".join(char if char.isprintable() else " " for char in subject).split())
    return f" This reverses commit {said[0][:10]} ({plain[:100]!r})."
