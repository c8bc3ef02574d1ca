"""A verdict on a patch + what the agent proposed -> the proposal without what breaks the project, and with the verdict.

The verdict comes from a jail in which a project's own tests ran: it can leave parts of the patch out, and say things.
It adds nothing to it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

LEVELS = ("tests", "build", "parse")
_MAX_REASON = 500


def wants_verdict(result_schema: Mapping[str, Any] | None) -> bool:
    """Whether the agent's result has a place for it (`verified`)."""
    properties = (result_schema or {}).get("properties")
    return isinstance(properties, dict) and "verified" in properties


def not_verified(result: Mapping[str, Any], reason: str) -> dict[str, Any]:
    """The result, of which nothing is known."""
    return {**result, "verified": "none", "verification": reason[:_MAX_REASON]}


def with_verdict(result: Mapping[str, Any], verdict: Mapping[str, Any]) -> dict[str, Any]:
    """The result without the files that break something; all of them where it is not known which."""
    reason = str(verdict.get("reason", ""))[:_MAX_REASON]
    level = verdict.get("verified")
    breaking = {str(each) for each in cast("list[Any]", verdict.get("breaking") or [])}
    if level not in LEVELS:
        breaking |= set(_files(str(result.get("patch", ""))))
    kept = _without(result, breaking, reason) if breaking else dict(result)
    return {**kept, "verified": level if kept.get("patch") and level in LEVELS else "none", "verification": reason}


def _without(result: Mapping[str, Any], breaking: set[str], reason: str) -> dict[str, Any]:
    parts = _files(str(result.get("patch", "")))
    fixed = _entries(result.get("fixed"))
    left = [each for each in fixed if each.get("file") in breaking]
    unfixed = [
        {
            "rule": each.get("rule"),
            "file": each.get("file"),
            "line": each.get("line"),
            "reason": f"the fix breaks something: {reason}",
        }
        for each in left
    ]
    stay = [each for each in fixed if each.get("file") not in breaking]
    changed = dict(result)
    changed["patch"] = "".join(part for name, part in parts.items() if name not in breaking)
    changed["commitMessage"] = _message(str(result.get("commitMessage", "")), breaking, len(stay))
    if "filesModified" in result:
        changed["filesModified"] = [each for each in result["filesModified"] if each not in breaking]
    if "fixed" in result:
        changed["fixed"] = stay
    if "unfixed" in result:
        changed["unfixed"] = [*_entries(result["unfixed"]), *unfixed]
    return changed


def _message(message: str, breaking: set[str], count: int) -> str:
    lines = [line for line in message.split("\n") if not any(line.startswith(f"- {name}:") for name in breaking)]
    if lines and re.fullmatch(r"Fix \d+ security weakness(es)?", lines[0]):
        lines[0] = f"Fix {count} security weakness{'' if count == 1 else 'es'}"
    return "\n".join(lines)


def _files(patch: str) -> dict[str, str]:
    pieces = re.split(r"^(?=diff --git a/)", patch, flags=re.MULTILINE)
    named = ((re.match(r"diff --git a/(.+) b/\1\n", piece), piece) for piece in pieces if piece.strip())
    return {match[1]: piece for match, piece in named if match is not None}


def _entries(found: Any) -> list[dict[str, Any]]:
    return [each for each in cast("list[Any]", found or []) if isinstance(each, dict)]
