"""security-assessor: a list of weaknesses -> how bad that is, and what to do. Rules only; touches nothing.

Each weakness gets points by severity, confidence, place and known exploitation (formula.py says how). The level of the
worst decides the level of all; the others move the score within it. Fields that it does not know change nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from agents.builtin.scanning import Summary, summarise
from agents.builtin.scanning import Vulnerability as Finding
from agents.sdk import Agent, Context, Schema, bounded

agent = Agent(
    name="security-assessor",
    type="RULE",
    version="1.0.0",
    risk="AUTO",
    description="Rates the risk of a set of weaknesses and recommends what to do",
)

RiskBand = Literal["NONE", "LOW", "MEDIUM", "HIGH", "CRITICAL"]
_FLOOR: dict[RiskBand, int] = {"CRITICAL": 80, "HIGH": 50, "MEDIUM": 20, "LOW": 5, "NONE": 0}
_ADVICE: dict[RiskBand, str] = {
    "CRITICAL": "Stop the release and fix the critical weaknesses first: an attacker can use them now.",
    "HIGH": "Fix the high weaknesses before the next release.",
    "MEDIUM": "Plan the fixes for this iteration.",
    "LOW": "Fix in passing; nothing here is urgent.",
    "NONE": "Nothing was found; no action is needed.",
}
TOP = 10


class Vulnerability(Finding):
    """A finding of the scanner, or of another tool: fields beyond the scanner's are taken too.

    Looked at where they are there: `confidence`, `place` (production, test, …), `cvss`, `epss`, `kev`.
    """

    model_config = ConfigDict(extra="allow")

    # Other tools have words of their own for these; `formula.py` knows which it understands.
    confidence: Any = None  # pyright: ignore[reportIncompatibleVariableOverride]
    place: Any = None  # pyright: ignore[reportIncompatibleVariableOverride]
    cvss: Any = None  # pyright: ignore[reportIncompatibleVariableOverride]


class Assessment(Schema):
    """What to rate."""

    vulnerabilities: Annotated[list[Vulnerability], bounded(0, 100_000)]


class RankedWeakness(Finding):
    """A finding with what it counts."""

    model_config = ConfigDict(extra="ignore")

    points: float = Field(ge=0)
    level: Literal["LOW", "MEDIUM", "HIGH", "CRITICAL"]
    """The severity after confidence, place and exploitation."""
    reasons: list[str]
    """What the points come from."""


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
    top_findings: list[RankedWeakness]
    """Those with the most points, ten at most."""
    in_production: int = Field(ge=0)
    """Findings outside of tests, examples, documents, generated and vendored code."""
    affected_files: list[str]
    areas: list[Area]
    """By class of weakness, most frequent first."""


@agent.action("evaluateRisk", description="Rate the risk of the weaknesses found")
def evaluate_risk(inputs: Assessment, context: Context) -> RiskOutput:
    """Rate by the worst weakness, then by how many there are."""
    found = _ranked(inputs.vulnerabilities)
    level: RiskBand = found[0].level if found else "NONE"
    score = _score(found, level)
    context.log.info("risk %s, score %d of 100, %d weakness(es)", level, score, len(found))
    return RiskOutput(
        summary=summarise(found),
        risk_score=score,
        risk_level=level,
        recommendation=_ADVICE[level],
        top_findings=found[:TOP],
        in_production=sum(one.place == "production" for one in found),
        affected_files=sorted({one.file for one in found}),
        areas=_areas(found),
    )


def _ranked(found: Sequence[Vulnerability]) -> list[RankedWeakness]:
    """Those that count most first."""
    from agents.builtin.security_assessor.formula import points_of

    ranked: list[tuple[float, RankedWeakness]] = []
    for one in found:
        fields = one.model_dump(by_alias=True)
        points = points_of(fields)
        told = {
            "points": points.value,
            "level": points.level,
            "confidence": points.confidence,
            "place": points.place,
            "cvss": points.cvss,
            "reasons": list(points.reasons),
        }
        ranked.append((points.exact, RankedWeakness.model_validate({**fields, **told})))
    # By the exact value: rounded ones can be equal on both sides of a level's border.
    ranked.sort(key=lambda each: (-each[0], each[1].file, each[1].line, each[1].rule))
    return [one for _, one in ranked]


def _score(found: Sequence[RankedWeakness], level: RiskBand) -> int:
    """Never below the worst one's floor; more weaknesses come nearer to 100, never to the next level's floor."""
    if not found:
        return 0
    floor = _FLOOR[level]
    ceiling = min((value for value in _FLOOR.values() if value > floor), default=101) - 1
    points = sum(one.points for one in found[1:])
    return floor + round((ceiling - floor) * points / (points + 50))


def _areas(found: Sequence[Finding]) -> list[Area]:
    counts: dict[str, int] = {}
    for one in found:
        counts[one.cwe or "other"] = counts.get(one.cwe or "other", 0) + 1
    return [
        Area(cwe=cwe, count=count) for cwe, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]
