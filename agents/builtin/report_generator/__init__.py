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

MOST_LISTED = 1_000
"""Violations shown one by one; a longer list helps nobody and takes minutes to lay out."""

Template = Literal["compliance-report", "compliance-summary"]


class ReportInput(Schema):
    """What to report."""

    violations: Annotated[list[Violation], bounded(0, 10_000)]
    score: float = Field(ge=0, le=100)
    template: Template = "compliance-report"
    """`compliance-report` lists the violations, `compliance-summary` counts them."""
    title: str | None = None
    project: str | None = None


class ReportOutput(Schema):
    """The report."""

    pdf_path: ArtifactFile
    pages: int = Field(ge=1)
    size_bytes: int = Field(ge=1)
    violations_listed: int = Field(ge=0)


@agent.action("createPDF", description="Write violations and score as a PDF")
def create_pdf(inputs: ReportInput, context: Context) -> ReportOutput:
    """Lay out the report and save it."""
    from agents.builtin.report_generator.layout import Report, render

    worst_first = sorted(inputs.violations, key=lambda one: (one.severity != "ERROR", one.rule, one.location))
    listed = worst_first[:MOST_LISTED] if inputs.template == "compliance-report" else []
    document = render(
        Report(
            title=inputs.title or "Compliance Report",
            project=inputs.project,
            score=inputs.score,
            violations=tuple(inputs.violations),
            listed=tuple(listed),
        )
    )
    path = context.save_artifact(f"{inputs.template}.pdf", document.content, "application/pdf")
    context.log.info("report of %d page(s), %d byte(s)", document.pages, len(document.content))
    return ReportOutput(
        pdf_path=path, pages=document.pages, size_bytes=len(document.content), violations_listed=len(listed)
    )
