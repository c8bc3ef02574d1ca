"""Facts and standards -> violations and a score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict

from agents.builtin.compliance_checker.checks import CHECKS, Place
from agents.builtin.violation import Violation
from agents.sdk.project_facts import ProjectFacts

_WEIGHT = {"ERROR": 3, "WARNING": 1}
NO_EVIDENCE = "The platform has no facts about this; run the audit as a workflow node, which is given them."


class Control(BaseModel):
    """One entry of controls.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rule: str
    check: str
    severity: str
    title: str
    clauses: dict[str, str]
    remediation: str

    def asked_by(self, standards: Sequence[str]) -> list[str]:
        """The clauses of these standards that ask for it."""
        return [f"{standard} {self.clauses[standard]}" for standard in standards if standard in self.clauses]


@dataclass(kw_only=True)
class Tally:
    """How the controls of one standard, or of all, came out."""

    passed: int = 0
    failed: int = 0
    unknown: int = 0
    weight: int = 0
    earned: int = 0

    @property
    def score(self) -> int:
        """Share of the weight that was earned, 0 to 100; nothing to check counts as 100."""
        return 100 if not self.weight else 100 * self.earned // self.weight

    def counts(self) -> dict[str, int]:
        """As the output shows it."""
        return {"score": self.score, "passed": self.passed, "failed": self.failed, "unknown": self.unknown}


@dataclass(frozen=True, kw_only=True)
class Audit:
    """The result."""

    violations: list[Violation]
    total: Tally
    by_standard: dict[str, Tally] = field(default_factory=dict[str, Tally])


@cache
def controls() -> tuple[Control, ...]:
    """All controls, in the order of the file."""
    entries = yaml.safe_load(Path(__file__).with_name("controls.yaml").read_text("utf-8"))
    return tuple(Control.model_validate(entry) for entry in entries)


def audit(facts: ProjectFacts | None, standards: Sequence[str]) -> Audit:
    """Run every control that one of the standards asks for. Missing facts are a violation: nothing is shown."""
    done = Audit(violations=[], total=Tally(), by_standard={standard: Tally() for standard in standards})
    for control in controls():
        asked = control.asked_by(standards)
        if not asked:
            continue
        places = CHECKS[control.check](facts) if facts is not None else None
        for tally in [done.total, *(done.by_standard[name] for name in standards if name in control.clauses)]:
            _count(tally, control, places)
        if places is None:
            done.violations.append(_unknown(control, asked))
        else:
            done.violations.extend(_broken(control, asked, place) for place in places)
    return done


def _count(tally: Tally, control: Control, places: list[Place] | None) -> None:
    tally.weight += _WEIGHT[control.severity]
    if places is None:
        tally.unknown += 1
    elif places:
        tally.failed += 1
    else:
        tally.passed += 1
        tally.earned += _WEIGHT[control.severity]


def _broken(control: Control, clauses: list[str], place: Place) -> Violation:
    return Violation(
        rule=control.rule,
        severity="ERROR" if control.severity == "ERROR" else "WARNING",
        location=place.location,
        remediation=control.remediation,
        description=f"{control.title}: {place.detail}" if place.detail else control.title,
        clauses=clauses,
    )


def _unknown(control: Control, clauses: list[str]) -> Violation:
    return Violation(
        rule=control.rule,
        severity="WARNING",
        location="platform facts",
        remediation=NO_EVIDENCE,
        description=f"{control.title}: there is no evidence",
        clauses=clauses,
    )
