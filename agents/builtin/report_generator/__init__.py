"""report-generator: violations and a score -> a PDF, kept as an artifact."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from agents.builtin.violation import Violation
from agents.sdk import Agent, ArtifactFile, Context, Schema, bounded

agent = Agent(
    name="report-generator",
    type="SCRIPT",
    version="1.0.0",
    risk="AUTO",
    description="Writes reports as PDF",
)

MOST_LISTED = 10_000
"""Findings shown one by one."""
MOST_LISTED_CHARACTERS = 6_000_000
"""Text of the findings shown one by one: what can be laid out within the agent's memory."""

Template = Literal["compliance-report", "compliance-summary"]


class PastScore(Schema):
    """The score of an earlier audit."""

    label: str
    """When it was, as it should be shown."""
    score: float = Field(ge=0, le=100)


class ReportInput(Schema):
    """What to report."""

    violations: Annotated[list[Violation], bounded(0, 10_000)]
    score: float = Field(ge=0, le=100)
    template: Template = "compliance-report"
    """`compliance-report` lists the violations, `compliance-summary` counts them."""
    title: str | None = None
    project: str | None = None
    history: Annotated[list[PastScore], bounded(0, 24)] = Field(default_factory=list[PastScore])
    """Earlier scores, oldest first: drawn as a trend."""


class ReportOutput(Schema):
    """The report."""

    pdf_path: ArtifactFile
    pages: int = Field(ge=1)
    size_bytes: int = Field(ge=1)
    violations_listed: int = Field(ge=0)


@agent.action("createPDF", description="Write violations and score as a PDF")
def create_pdf(inputs: ReportInput, context: Context) -> ReportOutput:
    """Lay out the report and save it."""
    from agents.builtin.report_generator.layout import Point, Report, render

    rows = listed(inputs.violations) if inputs.template == "compliance-report" else []
    document = render(
        Report(
            title=inputs.title or "Compliance Report",
            project=inputs.project,
            score=inputs.score,
            violations=tuple(inputs.violations),
            listed=tuple(rows),
            shows_list=inputs.template == "compliance-report",
            trend=tuple(Point(label=one.label, score=one.score) for one in inputs.history),
        )
    )
    path = context.save_artifact(f"{inputs.template}.pdf", document.content, "application/pdf")
    context.log.info("report of %d page(s), %d byte(s)", document.pages, len(document.content))
    return ReportOutput(
        pdf_path=path, pages=document.pages, size_bytes=len(document.content), violations_listed=len(rows)
    )


def listed(violations: list[Violation]) -> list[Violation]:
    """The worst first, as many as can be laid out."""
    from agents.builtin.report_generator.layout import weight_of

    found: list[Violation] = []
    room = MOST_LISTED_CHARACTERS
    for one in sorted(violations, key=_order):
        room -= weight_of(one)
        if room < 0 or len(found) == MOST_LISTED:
            break
        found.append(one)
    return found


def _order(one: Violation) -> tuple[bool, bool, str, str]:
    return one.state == "not-assessed", one.severity != "ERROR", one.rule, one.location
