"""What an agent says about a patch -> title and text of its pull request. Texts from outside stand in code spans."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any, cast

_MOST_LISTED = 50
_MARK = re.compile(
    r"<!-- commandcenter: patch=([0-9a-f]{40}) findings=([0-9a-f]{40}) commit=([0-9a-f]{40}|[0-9a-f]{64}) -->"
)
_VERIFIED = {
    "tests": "The project's own tests give what they gave before.",
    "build": "It compiles as before; no tests were run.",
    "parse": "It parses as before; nothing of it was run.",
}


def title_of(result: Mapping[str, Any]) -> str:
    """One line."""
    fixed = _entries(result.get("fixed"))
    if not fixed:
        return _line(str(result.get("commitMessage", "")).split("\n", 1)[0])[:200] or "Fix security weaknesses"
    count = len(fixed)
    files = len({str(each.get("file")) for each in fixed})
    ending = "" if count == 1 else "es"
    return f"Fix {count} security weakness{ending} in {files} file{'' if files == 1 else 's'}"


def body_of(result: Mapping[str, Any]) -> str:
    """What was changed, why, and what speaks for it."""
    fixed, unfixed = _entries(result.get("fixed")), _entries(result.get("unfixed"))
    lines = ["## What and why", ""]
    for each in fixed[:_MOST_LISTED]:
        lines.append(f"- {_place(each)} {_span(each.get('rule'))}: {_span(each.get('what'))}")
    lines += _more(fixed)
    if not fixed:
        lines.append(_span(str(result.get("commitMessage", "")).split("\n", 1)[0]))
    notes = list(dict.fromkeys(str(each["note"]) for each in fixed if each.get("note")))
    if notes:
        lines += ["", "## Before merging", "", *(f"- {_span(each)}" for each in notes[:_MOST_LISTED])]
    lines += ["", "## Evidence", ""]
    lines.append(f"- {_VERIFIED.get(str(result.get('verified')), 'Nothing was verified.')}")
    if result.get("verification"):
        lines.append(f"- {_span(result['verification'])}")
    if unfixed:
        lines += ["", "## Not fixed", ""]
        for each in unfixed[:_MOST_LISTED]:
            hint = f"; {_span(each['suggestion'])}" if each.get("suggestion") else ""
            lines.append(f"- {_place(each)} {_span(each.get('rule'))}: {_span(each.get('reason'))}{hint}")
        lines += _more(unfixed)
    return "\n".join(lines) + "\n"


def findings_fingerprint(result: Mapping[str, Any]) -> str:
    """Equal for fixes of the same weaknesses, on whatever lines they are by now."""
    named = sorted({f"{each.get('rule')}\n{each.get('file')}" for each in _entries(result.get("fixed"))})
    return hashlib.sha256("\n\n".join(named or [str(result.get("patch"))]).encode("utf-8", "replace")).hexdigest()[
        :40
    ]


def marked(body: str, *, patch: str, findings: str, commit: str) -> str:
    """The text with a comment by which the pull request is found again."""
    return f"{body}\n<!-- commandcenter: patch={patch} findings={findings} commit={commit} -->\n"


def mark_in(body: str) -> tuple[str, str, str] | None:
    """Patch, findings and commit of such a comment; the last one, as ours stands at the end."""
    found = _MARK.findall(body)
    return found[-1] if found else None


def _place(each: Mapping[str, Any]) -> str:
    return _span(f"{each.get('file')}:{each.get('line')}")


def _span(text: Any) -> str:
    """A code span that it cannot end from inside: no mention, link, image or HTML of it comes alive."""
    return f"`{_line(str(text)).replace('`', chr(0x2019))[:300] or ' '}`"


def _line(text: str) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def _more(entries: list[dict[str, Any]]) -> list[str]:
    left = len(entries) - _MOST_LISTED
    return [f"- and {left:,} more"] if left > 0 else []


def _entries(found: Any) -> list[dict[str, Any]]:
    return [each for each in cast("list[Any]", found or []) if isinstance(each, dict)]
