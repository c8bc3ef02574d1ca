"""security-assessor: a list of weaknesses -> how bad that is, and what to do. Rules only; touches nothing."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from agents.builtin.scanning import Severity, Summary, Vulnerability, summarise
from agents.builtin.scanning.vulnerability import worst_first
from agents.sdk import Agent, Context, Schema, bounded

agent = Agent(
    name="security-assessor",
    type="RULE",
    version="1.0.0",
    risk="AUTO",
    description="Rates the risk of a set of weaknesses and recommends what to do",
)

RiskBand = Literal["NONE", "LOW", "MEDIUM", "HIGH", "CRITICAL"]
_POINTS: dict[Severity, int] = {"CRITICAL": 40, "HIGH": 15, "MEDIUM": 5, "LOW": 1}
_FLOOR: dict[RiskBand, int] = {"CRITICAL": 80, "HIGH": 50, "MEDIUM": 20, "LOW": 5, "NONE": 0}
_ADVICE: dict[RiskBand, str] = {
    "CRITICAL": "Stop the release and fix the critical weaknesses first: an attacker can use them now.",
    "HIGH": "Fix the high weaknesses before the next release.",
    "MEDIUM": "Plan the fixes for this iteration.",
    "LOW": "Fix in passing; nothing here is urgent.",
    "NONE": "Nothing was found; no action is needed.",
}
TOP = 10


class Assessment(Schema):
    """What to rate."""

    vulnerabilities: Annotated[list[Vulnerability], bounded(0, 100_000)]


class Area(Schema):
    """The weaknesses of one class."""

    cwe: str
    count: int = Field(ge=1)


class RiskOutput(Schema):
    """How bad it is."""

    summary: Summary
    risk_score: int = Field(ge=0, le=100)
    risk_level: RiskBand
    recommendation: str
    top_findings: list[Vulnerability]
    """The worst ones, ten at most."""
    affected_files: list[str]
    areas: list[Area]
    """By class of weakness, most frequent first."""


@agent.action("evaluateRisk", description="Rate the risk of the weaknesses found")
def evaluate_risk(inputs: Assessment, context: Context) -> RiskOutput:
    """Rate by the worst weakness, then by how many there are."""
    found = worst_first(inputs.vulnerabilities)
    level: RiskBand = found[0].severity if found else "NONE"
    score = _score(found, level)
    context.log.info("risk %s, score %d of 100, %d weakness(es)", level, score, len(found))
    return RiskOutput(
        summary=summarise(found),
        risk_score=score,
        risk_level=level,
        recommendation=_ADVICE[level],
        top_findings=found[:TOP],
        affected_files=sorted({one.file for one in found}),
        areas=_areas(found),
    )


def _score(found: list[Vulnerability], level: RiskBand) -> int:
    """Never below the worst one's floor; more weaknesses come nearer to 100, never to the next level's floor."""
    if not found:
        return 0
    floor = _FLOOR[level]
    ceiling = min((value for value in _FLOOR.values() if value > floor), default=101) - 1
    points = sum(_POINTS[one.severity] for one in found) - _POINTS[found[0].severity]
    return floor + round((ceiling - floor) * points / (points + 50))


def _areas(found: list[Vulnerability]) -> list[Area]:
    counts: dict[str, int] = {}
    for one in found:
        counts[one.cwe or "other"] = counts.get(one.cwe or "other", 0) + 1
    return [
        Area(cwe=cwe, count=count) for cwe, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]
