"""A finished repair -> the message of its commit."""

from __future__ import annotations

from agents.builtin.patcher.repair import Repair

_MOST = 50
"""Lines for each list; the rest is counted."""


def commit_message(done: Repair) -> str:
    """Subject, what was fixed, what a reviewer has to think of, what is left."""
    count = len(done.fixed)
    lines = [f"Fix {count} security weakness{'' if count == 1 else 'es'}", ""]
    lines += _listed([f"{one.vulnerability.file}:{one.vulnerability.line}: {one.what}" for one in done.fixed])
    notes = list(dict.fromkeys(one.note for one in done.fixed if one.note))
    if notes:
        lines += ["", "Before merging:", *_listed(notes)]
    if done.left:
        left = [f"{one.vulnerability.file}:{one.vulnerability.line}: {one.reason}" for one in done.left]
        lines += ["", "Not fixed:", *_listed(left)]
    return "\n".join(lines) + "\n"


def _listed(items: list[str]) -> list[str]:
    # One line each, whatever a file's name or a reason holds: a line of its own could pass for a trailer.
    shown = [f"- {' '.join(item.split())[:300]}" for item in items[:_MOST]]
    return shown + ([f"- and {len(items) - _MOST} more"] if len(items) > _MOST else [])
