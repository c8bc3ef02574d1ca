"""Facts, a repository and standards -> the state of each control, violations, and a score of what was assessed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict

from agents.builtin.compliance_checker.checks import CHECKS, Place, is_empty
from agents.builtin.compliance_checker.repository_files import RepositoryFiles
from agents.builtin.violation import Violation
from agents.sdk.project_facts import ProjectFacts

State = Literal["pass", "fail", "not-assessed"]

MOST_PLACES = 200
"""Of one control."""
_WEIGHT = {"ERROR": 3, "WARNING": 1}
_NO_FACTS = "run the audit as a workflow node, which is given the platform's records"
_EMPTY = "the project has no workflow with nodes, no run and no approval yet"


class Control(BaseModel):
    """One entry of a file of controls."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rule: str
    check: str
    evidence: str
    """What the check needs to see."""
    severity: Literal["ERROR", "WARNING"]
    title: str
    clauses: dict[str, str]
    remediation: str

    def asked_by(self, standards: Sequence[str]) -> list[str]:
        """The clauses of these standards that ask for it."""
        return [f"{standard} {self.clauses[standard]}" for standard in standards if standard in self.clauses]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one control."""

    control: Control
    clauses: list[str]
    places: tuple[Place, ...] | None
    """Where it is broken; None: it was not assessed."""
    missing: str = ""
    """The evidence that an assessment would have needed."""

    @property
    def state(self) -> State:
        """In a word."""
        if self.places is None:
            return "not-assessed"
        return "fail" if self.places else "pass"


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
        """Share of the assessed controls' weight that was earned, 0 to 100; 0 where nothing was assessed."""
        return 100 * self.earned // self.weight if self.weight else 0

    def count(self, outcome: Outcome) -> None:
        """Add one control. What was not assessed has no weight."""
        weight = _WEIGHT[outcome.control.severity]
        if outcome.state == "not-assessed":
            self.unknown += 1
            return
        self.weight += weight
        if outcome.state == "fail":
            self.failed += 1
        else:
            self.passed += 1
            self.earned += weight

    def counts(self) -> dict[str, int]:
        """As the output shows it."""
        return {
            "score": self.score,
            "passed": self.passed,
            "failed": self.failed,
            "unknown": self.unknown,
            "assessed": self.passed + self.failed,
        }


@dataclass(frozen=True, kw_only=True)
class Audit:
    """The result."""

    outcomes: list[Outcome]
    total: Tally
    by_standard: dict[str, Tally] = field(default_factory=dict[str, Tally])

    @property
    def violations(self) -> list[Violation]:
        """What is broken, and what could not be assessed."""
        return [violation for outcome in self.outcomes for violation in _violations(outcome)]


@cache
def controls() -> tuple[Control, ...]:
    """Those on the platform's records, in the order of the file."""
    return _read("controls.yaml")


@cache
def repository_controls() -> tuple[Control, ...]:
    """Those on repositories."""
    return _read("repository_controls.yaml")


def _read(file: str) -> tuple[Control, ...]:
    entries = yaml.safe_load(Path(__file__).with_name(file).read_text("utf-8"))
    return tuple(Control.model_validate(entry) for entry in entries)


def audit(
    facts: ProjectFacts | None, standards: Sequence[str], repository: RepositoryFiles | None = None
) -> Audit:
    """Assess every control that one of the standards asks for; those on repositories where one is given."""
    done = Audit(outcomes=[], total=Tally(), by_standard={standard: Tally() for standard in standards})
    for control, look, why_not in _assessments(facts, repository):
        asked = control.asked_by(standards)
        if not asked:
            continue
        places = None if why_not else look()
        missing = "" if places is not None else control.evidence + (f" ({why_not})" if why_not else "")
        found = None if places is None else _some(places)
        outcome = Outcome(control=control, clauses=asked, places=found, missing=missing)
        done.outcomes.append(outcome)
        for tally in [done.total, *(done.by_standard[name] for name in standards if name in control.clauses)]:
            tally.count(outcome)
    return done


def _some(places: Sequence[Place]) -> tuple[Place, ...]:
    """As many as a person looks at: a report takes 10,000 in all, and one file may break a control in more."""
    if len(places) <= MOST_PLACES:
        return tuple(places)
    more = Place("elsewhere", f"{len(places) - MOST_PLACES:,} further place(s)")
    return (*places[:MOST_PLACES], more)


def _assessments(
    facts: ProjectFacts | None, repository: RepositoryFiles | None
) -> Iterator[tuple[Control, Callable[[], list[Place] | None], str]]:
    """Each control with its check, and why it cannot be assessed at all."""
    from agents.builtin.compliance_checker.repository_checks import REPOSITORY_CHECKS

    why_not = _NO_FACTS if facts is None else _EMPTY if is_empty(facts) else ""
    for control in controls():
        check = CHECKS[control.check]
        yield control, lambda check=check: None if facts is None else check(facts), why_not
    if repository is not None:
        for control in repository_controls():
            look = REPOSITORY_CHECKS[control.check]
            yield control, lambda look=look: look(repository), ""


def _violations(outcome: Outcome) -> Iterator[Violation]:
    control = outcome.control
    if outcome.places is None:
        yield Violation(
            rule=control.rule,
            severity="WARNING",
            location="not assessed",
            remediation=f"Provide the evidence: {outcome.missing}.",
            description=f"{control.title}: not assessed, there is no evidence ({control.evidence})",
            clauses=outcome.clauses,
            state="not-assessed",
        )
    for place in outcome.places or ():
        yield Violation(
            rule=control.rule,
            severity=control.severity,
            location=place.location,
            remediation=control.remediation,
            description=f"{control.title}: {place.detail}" if place.detail else control.title,
            clauses=outcome.clauses,
        )
