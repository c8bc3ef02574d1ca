"""A report's content -> a tagged PDF: title, score, charts, and a table of findings, in every script."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from agents.builtin.report_generator.joining import NotJoinedError, joined, page_count
from agents.builtin.report_generator.printable import place, printable
from agents.builtin.report_generator.typesetting import set_apart, set_in_type
from agents.builtin.violation import Violation
from agents.sdk.errors import AgentError

_SCRIPTS = ("Arabic", "Hebrew", "Devanagari", "Bengali", "Tamil", "Telugu", "Thai", "Georgian", "Armenian")
_SEVERITIES = ("ERROR", "WARNING", "NOT ASSESSED")
_MOST_STANDARDS = 12
_MOST_IN_PART = 250_000
_WEIGHT_OF_ROW = 100
"""Lines, badge and tags of a row beside its characters."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """An earlier score."""

    label: str
    score: float


@dataclass(frozen=True, kw_only=True)
class Report:
    """What the report says."""

    title: str
    project: str | None
    score: float
    violations: tuple[Violation, ...]
    listed: tuple[Violation, ...]
    """Those to show one by one."""
    shows_list: bool
    """Whether the template lists at all."""
    trend: tuple[Point, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Pdf:
    """The finished file."""

    content: bytes
    pages: int


def render(report: Report) -> Pdf:
    """Lay it out. A long table is laid out in parts, one after the other, and joined. Raises AgentError."""
    parts = list(_parts(report.listed))
    if len(parts) < 2:
        content = set_in_type(_json(_data(report, report.listed)))
        return Pdf(content=content, pages=page_count(content))
    try:
        content, pages = joined(_set(report, parts))
    except NotJoinedError as exc:
        raise AgentError(f"the report could not be laid out: {exc}") from exc
    return Pdf(content=content, pages=pages)


def _set(report: Report, parts: Sequence[Sequence[Violation]]) -> Iterator[bytes]:
    """The parts as documents; each goes on with the pages of those before it."""
    page, row = 1, 1
    for index, rows in enumerate(parts):
        data = _data(report, rows) if index == 0 else _further(report, rows, last=index == len(parts) - 1)
        data["first_page"] = page
        data["span"] = f"findings {row:,} to {row + len(rows) - 1:,} of {len(report.listed):,}"
        content = set_apart(_json(data))
        yield content
        page, row = page + page_count(content), row + len(rows)


def _parts(rows: Sequence[Violation]) -> Iterator[Sequence[Violation]]:
    """As many rows at a time as fit into the memory of one part."""
    start, weight = 0, 0
    for at, one in enumerate(rows):
        more = _WEIGHT_OF_ROW + weight_of(one)
        if weight + more > _MOST_IN_PART and at > start:
            yield rows[start:at]
            start, weight = at, 0
        weight += more
    yield rows[start:]


def weight_of(one: Violation) -> int:
    """Characters of a row; those that are shaped by their neighbours take the typesetter twice as much."""
    texts = (one.rule, one.location, one.description, one.remediation, *one.clauses)
    return sum(
        len(text[:600]) + sum("\u0590" <= char < "\u1100" or "\u1780" <= char < "\u1b00" for char in text[:600])
        for text in texts
    )


def _json(data: Mapping[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False)


def _further(report: Report, rows: Sequence[Violation], *, last: bool) -> dict[str, Any]:
    """The data of a part that goes on with the table."""
    return {
        "part": True,
        "short_title": _text(report.title, 60),
        "fonts": _fonts(),
        "rows": [_row(one) for one in rows],
        "left_out": _left_out(report) if last else 0,
    }


def _left_out(report: Report) -> int:
    return len(report.violations) - len(report.listed) if report.shows_list else 0


def _data(report: Report, rows: Sequence[Violation]) -> dict[str, Any]:
    counts = Counter(badge_of(one) for one in report.violations)
    standards = _standards(report.violations)
    most = max(counts.values(), default=1)
    return {
        "part": False,
        "title": _text(report.title, 100),
        "short_title": _text(report.title, 60),
        "project": None if report.project is None else _text(report.project, 100),
        "written": f"{datetime.now(UTC):%d %B %Y, %H:%M} UTC",
        "score": report.score,
        "score_line": f"Score: {report.score:g} / 100",
        "sentence": _sentence(counts),
        "notes": _notes(counts, _left_out(report)),
        "fonts": _fonts(),
        "severities": [_bar(name, counts[name], most) for name in _SEVERITIES if counts[name]],
        "severities_alt": "Findings by severity: " + _listed(counts),
        "standards": [_bar(name, count, max(standards.values())) for name, count in standards.items()],
        "standards_alt": "Findings by standard: " + _listed(standards),
        "trend": [
            {"score": one.score, "score_text": f"{one.score:g}", "label": _text(one.label, 20)}
            for one in report.trend
        ],
        "trend_alt": "Score over time: " + ", ".join(f"{one.score:g}" for one in report.trend),
        "rows": [_row(one) for one in rows],
        "first_page": 1,
        "span": None,
        "left_out": _left_out(report) if len(rows) == len(report.listed) else 0,
    }


def badge_of(one: Violation) -> str:
    """What the severity column shows."""
    return "NOT ASSESSED" if one.state == "not-assessed" else one.severity


def _fonts() -> list[str]:
    """In the order in which a glyph is looked for; the typesetter goes on with any other of the bundled fonts."""
    return ["Noto Sans", *(f"Noto Sans {script}" for script in _SCRIPTS), "Noto Sans CJK SC", "Noto Emoji"]


def _text(value: str, limit: int = 600) -> dict[str, object]:
    return printable(value, limit=limit).as_json()


def _bar(name: str, count: int, most: int) -> dict[str, Any]:
    return {"label": _text(name, 40), "count": count, "share": count / most}


def _listed(counts: Counter[str] | dict[str, int]) -> str:
    return ", ".join(f"{_text(name, 40)['text']} {count}" for name, count in counts.items()) or "none"


def _sentence(counts: Counter[str]) -> str:
    errors, warnings = counts["ERROR"], counts["WARNING"]
    if not errors + warnings:
        return "No violations were found." if not counts else "No violations were found in what was assessed."
    return f"{errors + warnings} violation(s): {errors} error(s), {warnings} warning(s)."


def _notes(counts: Counter[str], left_out: int) -> list[str]:
    missing = counts["NOT ASSESSED"]
    notes = [f"{missing} control(s) were not assessed; the score does not count them."] if missing else []
    return [
        *notes,
        *([f"{left_out} finding(s), the least severe, are counted but not listed."] if left_out else []),
    ]


def _standards(violations: Sequence[Violation]) -> dict[str, int]:
    found = Counter(name for one in violations for name in {each.split(" ")[0] for each in one.clauses})
    return dict(sorted(found.most_common(_MOST_STANDARDS)))


def _row(one: Violation) -> dict[str, Any]:
    return {
        "rule": _text(one.rule),
        "badge": badge_of(one),
        "location": place(one.location).as_json(),
        "description": _text(one.description),
        "remediation": _text(one.remediation),
        "clauses": _text(", ".join(one.clauses)),
    }
