"""A report's content -> PDF pages: title, score, counts, and a table of violations."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime

from fpdf import FPDF
from fpdf.enums import XPos, YPos
from fpdf.fonts import FontFace

from agents.builtin.report_generator.printable import printable
from agents.builtin.violation import Violation

Colour = tuple[int, int, int]
_GREEN: Colour = (34, 139, 80)
_AMBER: Colour = (214, 140, 20)
_RED: Colour = (190, 40, 40)
_GREY: Colour = (110, 110, 110)
_PALE: Colour = (232, 236, 240)
_COLUMNS = (("Rule", 24), ("Severity", 15), ("Where", 32), ("What", 50), ("How to mend it", 46), ("Clauses", 23))
_MARGIN = 12


@dataclass(frozen=True, kw_only=True)
class Report:
    """What the report says."""

    title: str
    project: str | None
    score: float
    violations: tuple[Violation, ...]
    listed: tuple[Violation, ...]
    """Those to show one by one."""


@dataclass(frozen=True, kw_only=True)
class Document:
    """The finished file."""

    content: bytes
    pages: int


class _Pages(FPDF):
    """A4 with a number at the foot of every page."""

    def __init__(self, title: str) -> None:
        super().__init__(format="A4")
        self._title = title
        self.set_margin(_MARGIN)
        self.set_auto_page_break(True, margin=18)
        self.set_title(title)
        self.set_creator("CommandCenter report-generator")

    def footer(self) -> None:
        """Called by fpdf for each page."""
        self.set_y(-13)
        self.set_font("Helvetica", size=8)
        self.set_text_color(*_GREY)
        self.cell(0, 6, f"{self._title} - page {self.page_no()} of {{nb}}", align="C")


def render(report: Report) -> Document:
    """Lay it out."""
    pdf = _Pages(printable(report.title, limit=100))
    pdf.add_page()
    _head(pdf, report)
    _score(pdf, report.score)
    _counts(pdf, report.violations)
    if report.listed:
        _table(pdf, report.listed)
        if len(report.listed) < len(report.violations):
            left_out = len(report.violations) - len(report.listed)
            _line(pdf, f"{left_out} further violation(s) are not listed.", size=10, colour=_GREY)
    return Document(content=bytes(pdf.output()), pages=pdf.pages_count)


def _line(pdf: FPDF, text: str, *, size: float, style: str = "", colour: Colour = (0, 0, 0)) -> None:
    pdf.set_font("Helvetica", style=style, size=size)
    pdf.set_text_color(*colour)
    pdf.multi_cell(0, size * 0.5, text, new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _head(pdf: FPDF, report: Report) -> None:
    _line(pdf, printable(report.title, limit=100), size=22, style="B")
    about = f"Project {printable(report.project, limit=100)}, " if report.project else ""
    _line(pdf, f"{about}{datetime.now(UTC):%d %B %Y, %H:%M} UTC", size=10, colour=_GREY)
    pdf.ln(5)


def _score(pdf: FPDF, score: float) -> None:
    colour = _GREEN if score >= 90 else _AMBER if score >= 70 else _RED
    _line(pdf, f"Score: {score:g} / 100", size=16, style="B", colour=colour)
    pdf.ln(1)
    width, height = pdf.epw, 5
    pdf.set_fill_color(*_PALE)
    pdf.rect(pdf.l_margin, pdf.get_y(), width, height, style="F")
    pdf.set_fill_color(*colour)
    pdf.rect(pdf.l_margin, pdf.get_y(), width * score / 100, height, style="F")
    pdf.ln(height + 5)


def _counts(pdf: FPDF, violations: tuple[Violation, ...]) -> None:
    by_severity = Counter(one.severity for one in violations)
    if not violations:
        _line(pdf, "No violations were found.", size=12, colour=_GREEN)
        return
    sentence = (
        f"{len(violations)} violation(s): {by_severity['ERROR']} error(s), {by_severity['WARNING']} warning(s)."
    )
    _line(pdf, sentence, size=12)
    standards = Counter(
        standard for one in violations for standard in {each.split(" ")[0] for each in one.clauses}
    )
    if standards:
        shown = ", ".join(f"{printable(name, limit=40)} {count}" for name, count in sorted(standards.items()))
        _line(pdf, f"By standard: {shown}.", size=10, colour=_GREY)
    pdf.ln(4)


def _table(pdf: FPDF, violations: tuple[Violation, ...]) -> None:
    pdf.set_font("Helvetica", size=8)
    pdf.set_text_color(0, 0, 0)
    pdf.set_draw_color(*_GREY)
    widths = tuple(width for _, width in _COLUMNS)
    heading = FontFace(emphasis="BOLD", fill_color=_PALE)
    with pdf.table(
        col_widths=widths, line_height=4, headings_style=heading, text_align="LEFT", padding=1
    ) as table:
        head = table.row()
        for name, _ in _COLUMNS:
            head.cell(name)
        for one in violations:
            row = table.row()
            colour = _RED if one.severity == "ERROR" else _AMBER
            row.cell(printable(one.rule))
            row.cell(one.severity, style=FontFace(color=colour, emphasis="BOLD"))
            for value in (one.location, one.description, one.remediation, ", ".join(one.clauses)):
                row.cell(printable(value))
