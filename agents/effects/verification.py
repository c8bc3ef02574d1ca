"""The verification of a patch + what the agent proposed -> the proposal without what breaks the project, marked so.

It comes from a jail in which a project's own tests ran: it can leave parts of the patch out, and say things. It adds
nothing to it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

from agents.repository.patch_parts import FilePatch, files_of

LEVELS = ("tests", "build", "parse")
_MAX_REASON = 500
_NOTES = "Before merging:"


def wants_verification(result_schema: Mapping[str, Any] | None) -> bool:
    """Whether the agent's result has a place for it (`verified`)."""
    properties = (result_schema or {}).get("properties")
    return isinstance(properties, dict) and "verified" in properties


def not_verified(result: Mapping[str, Any], reason: str) -> dict[str, Any]:
    """The result, of which nothing is known."""
    return {**result, "verified": "none", "verification": reason[:_MAX_REASON]}


def with_verification(result: Mapping[str, Any], verification: Mapping[str, Any]) -> dict[str, Any]:
    """The result without the files and places that break something; all of it where it is not known which."""
    reason = str(verification.get("reason", ""))[:_MAX_REASON]
    level = verification.get("verified")
    files = files_of(str(result.get("patch", "")))
    breaking = {str(each) for each in cast("list[Any]", verification.get("breaking") or [])}
    if level not in LEVELS:
        breaking |= set(files)
    lost: dict[str, dict[int, str]] = {
        name: dict.fromkeys(_all(files[name]), reason) for name in files if name in breaking
    }
    for each in _entries(verification.get("breakingParts")):
        name, hunk = str(each.get("file")), each.get("hunk")
        if name in files and isinstance(hunk, int) and hunk in _all(files[name]):
            lost.setdefault(name, {}).setdefault(hunk, str(each.get("reason", ""))[:_MAX_REASON])
    kept = _without(result, files, lost) if lost else dict(result)
    return {**kept, "verified": level if kept.get("patch") and level in LEVELS else "none", "verification": reason}


def _all(file: FilePatch) -> range:
    return range(max(len(file.hunks), 1))


def _without(
    result: Mapping[str, Any], files: Mapping[str, FilePatch], lost: Mapping[str, Mapping[int, str]]
) -> dict[str, Any]:
    texts = {name: file.without(lost.get(name, {})) for name, file in files.items()}
    gone = {name for name, text in texts.items() if not text}
    fixed = _entries(result.get("fixed"))
    reasons = [_reason(each, files, lost, gone) for each in fixed]
    stay = [each for each, reason in zip(fixed, reasons, strict=True) if reason is None]
    unfixed = [
        {
            "rule": each.get("rule"),
            "file": each.get("file"),
            "line": each.get("line"),
            "reason": f"the fix breaks something: {reason}",
            "suggestion": _suggestion(each),
        }
        for each, reason in zip(fixed, reasons, strict=True)
        if reason is not None
    ]
    changed = dict(result)
    changed["patch"] = "".join(texts.values())
    changed["commitMessage"] = _message(str(result.get("commitMessage", "")), unfixed, stay)
    if "filesModified" in result:
        changed["filesModified"] = [each for each in result["filesModified"] if each not in gone]
    if "fixed" in result:
        changed["fixed"] = stay
    if "unfixed" in result:
        changed["unfixed"] = [*_entries(result["unfixed"]), *unfixed]
    return changed


def _reason(
    fixed: Mapping[str, Any],
    files: Mapping[str, FilePatch],
    lost: Mapping[str, Mapping[int, str]],
    gone: set[str],
) -> str | None:
    """Why a fix is left out; None: it stays."""
    name, line = str(fixed.get("file")), fixed.get("line")
    parts = lost.get(name, {})
    if name in gone:
        return next(iter(parts.values()), "")
    for at, hunk in enumerate(files[name].hunks if name in files else ()):
        if at in parts and isinstance(line, int) and hunk.holds(line):
            return parts[at]
    return None


def _suggestion(fixed: Mapping[str, Any]) -> str:
    tried = str(fixed.get("what", ""))[:300]
    return (
        f"what was tried: {tried}; change the tests or the callers with it, or fix it in another way"
        if tried
        else ""
    )


def _message(message: str, unfixed: list[dict[str, Any]], stay: list[dict[str, Any]]) -> str:
    """The commit message without what is left out: its lines, and the notes that only it needed."""
    dropped = {f"- {each['file']}:{each['line']}:" for each in unfixed}
    notes = {f"- {' '.join(str(each.get('note', '')).split())[:300]}" for each in stay}
    kept: list[str] = []
    section = ""
    for at, line in enumerate(message.split("\n")):
        if at == 0 and re.fullmatch(r"Fix \d+ security weakness(es)?", line):
            line = f"Fix {len(stay)} security weakness{'' if len(stay) == 1 else 'es'}"
        if line.endswith(":") and not line.startswith("-"):
            section = line
        if not section and any(line.startswith(start) for start in dropped):
            continue
        if section == _NOTES and line.startswith("- ") and line not in notes:
            continue
        kept.append(line)
    return re.sub(rf"\n{_NOTES}\n(?!- )", "\n", "\n".join(kept)).replace("\n\n\n", "\n\n")


def _entries(found: Any) -> list[dict[str, Any]]:
    return [each for each in cast("list[Any]", found or []) if isinstance(each, dict)]
