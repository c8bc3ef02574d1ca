"""compliance-checker: facts about a project and its repository -> the state of SOC 2, GDPR and HIPAA controls.

A control passes, fails, or is not assessed, and what was not assessed is never called good: where there is any such
control, `compliant` is false; the score counts only what was assessed, and is 0 where that is nothing. `status` says
it in a word, `missingEvidence` what an assessment would have needed. A policy of the project's own is checked alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, JsonValue

from agents.builtin.violation import Violation
from agents.sdk import Agent, Context, RepositoryPath, Schema, ShortText, bounded
from agents.sdk.project_facts import PastAudit, ProjectFacts

if TYPE_CHECKING:
    from agents.builtin.compliance_checker.audit import Audit, Outcome
    from agents.builtin.compliance_checker.repository_files import RepositoryFiles

agent = Agent(
    name="compliance-checker",
    type="RULE",
    version="1.0.0",
    risk="AUTO",
    description="Audits a project against SOC 2, GDPR and HIPAA controls, and against policies of its own",
)

_MOST_HISTORY = 23
"""With this audit, as many as a report draws."""
Standard = Literal["SOC2", "GDPR", "HIPAA"]
Facts = Annotated[ProjectFacts | None, Field(json_schema_extra={"x-kind": "facts"})]
"""Left out in workflows: the platform fills it in."""


class AuditInput(Schema):
    """What to audit."""

    project_id: int
    standards: Annotated[list[Standard], bounded(1, 10)]
    facts: Facts = None
    repository_path: RepositoryPath | None = None
    """A repository of the project; with it, the controls on repositories are assessed too."""
    oscal: bool = False
    """Whether to save the result as OSCAL assessment results too."""
    csv: bool = False
    """Whether to save the controls as a table too."""
    sarif: bool = False
    """Whether to save what is broken as SARIF too."""


class Requirement(Schema):
    """One thing that a policy asks for."""

    fact: ShortText
    """Dotted path, as in `approvals.selfApproved` or `agents.length`."""
    comparison: Literal["==", "!=", "<", "<=", ">", ">=", "in", "contains"] = "=="
    value: JsonValue
    severity: Literal["WARNING", "ERROR"] = "ERROR"
    remediation: str = ""


class PolicyInput(Schema):
    """A policy of the project's own."""

    project_id: int
    policy: ShortText
    """Its name."""
    requirements: Annotated[list[Requirement], bounded(1, 200)]
    facts: Facts = None


class StandardResult(Schema):
    """How one standard came out."""

    standard: Standard
    score: int = Field(ge=0, le=100)
    passed: int = Field(ge=0)
    failed: int = Field(ge=0)
    unknown: int = Field(ge=0)
    """Controls that were not assessed, for want of evidence."""
    assessed: int = Field(ge=0)
    """Controls that the score counts."""


Status = Literal["compliant", "not-compliant", "incomplete", "not-assessed"]
"""`incomplete`: nothing that was assessed fails, but some controls were not. `not-assessed`: not one was."""


class ControlResult(Schema):
    """How one control came out."""

    rule: str
    title: str
    state: Literal["pass", "fail", "not-assessed"]
    severity: Literal["WARNING", "ERROR"]
    clauses: list[str]
    evidence: str
    """What it is judged by."""
    places: list[str]
    """Where it is broken."""


class PastScore(Schema):
    """One audit of the project, as `createPDF` of the report-generator takes it for its trend."""

    label: str
    """Its day."""
    score: int = Field(ge=0, le=100)


ExportFile = Annotated[str, Field(json_schema_extra={"x-kind": "artifact"})]


class AuditOutput(Schema):
    """The audit's result."""

    project_id: int
    compliant: bool
    """No violation of severity ERROR, and no control that was not assessed."""
    violations: list[Violation]
    """What is broken; and, marked by their `state`, the controls that were not assessed."""
    score: int = Field(ge=0, le=100)
    """Share of the assessed controls that hold, by weight; 0 where none was assessed."""
    standards: list[StandardResult]
    controls_checked: int = Field(ge=0)
    """All that the standards ask for, assessed or not."""
    status: Status
    assessed: int = Field(ge=0)
    """Controls that the score counts."""
    not_assessed: int = Field(ge=0)
    summary: str
    """One sentence: the status, and what the score is of."""
    controls: list[ControlResult]
    missing_evidence: list[str]
    """What was needed and not there, each once."""
    repository: bool = False
    """Whether a repository was looked at too."""
    history: list[PastScore] = Field(default_factory=list[PastScore])
    """Earlier audits of the same standards in which something was assessed, oldest first; of each day the last."""
    trend: Literal["up", "down", "same", "first", "unknown"] = "unknown"
    """This score beside the last one; `first` where there is none, `unknown` where nothing was assessed."""
    oscal: ExportFile | None = None
    """Assessment results in OSCAL's JSON, where that was asked for."""
    csv: ExportFile | None = None
    """One row for each control, where that was asked for."""
    sarif: ExportFile | None = None
    """What is broken, place by place, as forges and editors show it, where that was asked for."""


class PolicyOutput(Schema):
    """Whether the policy holds."""

    project_id: int
    policy: str
    compliant: bool
    violations: list[Violation]
    score: int = Field(ge=0, le=100)


@agent.action("auditProject", description="Audit a project against compliance standards")
def audit_project(inputs: AuditInput, context: Context) -> AuditOutput:
    """Check every control that the standards ask for."""
    from agents.builtin.compliance_checker.audit import audit
    from agents.builtin.compliance_checker.exports import save_csv, save_oscal, save_sarif

    standards = list(dict.fromkeys(inputs.standards))
    facts = _own(inputs.facts, inputs.project_id, context)
    files = _files(inputs.repository_path, context)
    done = audit(facts, standards, files)
    total, status = done.total, _status(done)
    context.log.info("%d control(s) hold, %d broken, %d not assessed", total.passed, total.failed, total.unknown)
    summary, at = _summary(done, status), "" if facts is None else facts.collected_at
    history = _alike(facts, standards, repository=files is not None)
    return AuditOutput(
        project_id=inputs.project_id,
        compliant=status == "compliant",
        violations=done.violations,
        score=total.score,
        standards=[StandardResult(standard=name, **done.by_standard[name].counts()) for name in standards],
        controls_checked=total.passed + total.failed + total.unknown,
        status=status,
        assessed=total.passed + total.failed,
        not_assessed=total.unknown,
        summary=summary,
        controls=[_control(one) for one in done.outcomes],
        missing_evidence=[*dict.fromkeys(one.missing for one in done.outcomes if one.missing), *_unread(files)],
        repository=files is not None,
        history=[PastScore(label=one.at[:10], score=one.score) for one in history],
        trend=_trend(done, [one.score for one in history]),
        oscal=save_oscal(done.outcomes, summary, at, context) if inputs.oscal else None,
        csv=save_csv(done.outcomes, context) if inputs.csv else None,
        sarif=save_sarif(done.outcomes, context) if inputs.sarif else None,
    )


def _alike(facts: ProjectFacts | None, standards: list[Standard], *, repository: bool) -> list[PastAudit]:
    """Earlier audits of the same standards, with a repository or without: scores of others say nothing of this one."""
    found = [
        one
        for one in (facts.audits if facts is not None else None) or []
        if set(one.standards or standards) == set(standards) and one.repository in (None, repository)
    ]
    return list({one.at[:10]: one for one in found}.values())[-_MOST_HISTORY:]


def _trend(done: Audit, before: list[int]) -> Literal["up", "down", "same", "first", "unknown"]:
    total = done.total
    if not total.passed + total.failed:
        return "unknown"
    if not before:
        return "first"
    return "same" if total.score == before[-1] else "up" if total.score > before[-1] else "down"


def _status(done: Audit) -> Status:
    total = done.total
    if not total.passed + total.failed:
        return "not-assessed"
    if any(one.severity == "ERROR" and one.state == "fail" for one in done.violations):
        return "not-compliant"
    return "incomplete" if total.unknown else "compliant"


def _summary(done: Audit, status: Status) -> str:
    total = done.total
    assessed, every = total.passed + total.failed, total.passed + total.failed + total.unknown
    said = {
        "compliant": "Compliant",
        "not-compliant": "Not compliant",
        "incomplete": "Not shown to be compliant",
        "not-assessed": "Not assessed",
    }[status]
    if not assessed:
        return f"{said}: there is no evidence for any of {every} control(s)."
    return (
        f"{said}: {total.passed} of {assessed} assessed control(s) hold, {total.unknown} of {every} not assessed."
    )


def _control(outcome: Outcome) -> ControlResult:
    return ControlResult(
        rule=outcome.control.rule,
        title=outcome.control.title,
        state=outcome.state,
        severity=outcome.control.severity,
        clauses=outcome.clauses,
        evidence=outcome.control.evidence,
        places=[place.location for place in outcome.places or ()],
    )


def _unread(files: RepositoryFiles | None) -> list[str]:
    if files is None or not files.unread:
        return []
    return [f"{len(files.unread)} text file(s) that are too large or too many: {', '.join(files.unread[:10])}"]


def _files(path: str | None, context: Context) -> RepositoryFiles | None:
    if path is None:
        return None
    from pathlib import Path

    from agents.builtin.compliance_checker.repository_files import read_files

    found = read_files(Path(path))
    context.log.info(
        "%d text file(s) of the repository read, %d beyond the bounds", len(found.files), len(found.unread)
    )
    return found


@agent.action("checkPolicy", description="Check facts about a project against a policy of its own")
def check_policy(inputs: PolicyInput, context: Context) -> PolicyOutput:
    """Check every requirement of the policy."""
    from agents.builtin.compliance_checker.policy import violations_of

    found = violations_of(inputs.requirements, _own(inputs.facts, inputs.project_id, context), inputs.policy)
    count = len(inputs.requirements)
    context.log.info("policy %r: %d of %d requirement(s) hold", inputs.policy, count - len(found), count)
    return PolicyOutput(
        project_id=inputs.project_id,
        policy=inputs.policy,
        compliant=all(one.severity != "ERROR" for one in found),
        violations=found,
        score=100 * (count - len(found)) // count,
    )


def _own(facts: ProjectFacts | None, project_id: int, context: Context) -> ProjectFacts | None:
    """Facts of another project prove nothing about this one."""
    if facts is not None and facts.project_id != project_id:
        context.log.warning("the facts are about project %d, not %d: not used", facts.project_id, project_id)
        return None
    return facts
