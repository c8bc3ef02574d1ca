"""A report's content -> a tagged PDF: title, score, charts, and a table of findings, in every script."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import typst

from agents.builtin.report_generator.printable import place, printable
from agents.builtin.violation import Violation
from agents.sdk.errors import AgentError

_TEMPLATE = Path(__file__).with_name("report.typ")
_SCRIPTS = ("Arabic", "Hebrew", "Devanagari", "Bengali", "Tamil", "Telugu", "Thai", "Georgian", "Armenian")
_CJK = re.compile(
    "[\u1100-\u11ff\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]"
)
"""Text that needs the large font of Chinese, Japanese and Korean; it is read only then."""
_SEVERITIES = ("ERROR", "WARNING", "NOT ASSESSED")
_MOST_STANDARDS = 12


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
    """Lay it out. The clock, fonts of the machine and the network have no part in it."""
    data = json.dumps(_data(report), ensure_ascii=False)
    packages = ("manimgx_fonts", *(("manimgx_fonts_cjk",) if _CJK.search(data) else ()))
    fonts = typst.Fonts(
        include_system_fonts=False,
        include_embedded_fonts=False,
        font_paths=[str(files(package)) for package in packages],
    )
    compiler = typst.Compiler(_TEMPLATE, root=_TEMPLATE.parent, font_paths=fonts, sys_inputs={"report": data})
    try:
        content = compiler.compile(format="pdf", pdf_tags=True)
        pages = _pages(compiler)
    except typst.TypstError as exc:
        raise AgentError(f"the report could not be laid out: {exc.message}") from exc
    if not isinstance(content, bytes):
        raise AgentError("the report could not be laid out: the typesetter gave no document")
    return Pdf(content=content, pages=pages)


def _pages(compiler: typst.Compiler) -> int:
    """How many pages the compiled document has."""
    return int(json.loads(compiler.query("<pages>", field="value", one=True)))


def _data(report: Report) -> dict[str, Any]:
    counts = Counter(badge_of(one) for one in report.violations)
    standards = _standards(report.violations)
    most = max(counts.values(), default=1)
    return {
        "title": _text(report.title, 100),
        "short_title": _text(report.title, 60),
        "project": None if report.project is None else _text(report.project, 100),
        "written": f"{datetime.now(UTC):%d %B %Y, %H:%M} UTC",
        "score": report.score,
        "score_line": f"Score: {report.score:g} / 100",
        "sentence": _sentence(counts),
        "notes": _notes(counts),
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
        "rows": [_row(one) for one in report.listed],
        "left_out": len(report.violations) - len(report.listed) if report.shows_list else 0,
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


def _notes(counts: Counter[str]) -> list[str]:
    missing = counts["NOT ASSESSED"]
    return [f"{missing} control(s) were not assessed; the score does not count them."] if missing else []


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
