"""compliance-checker: facts about a project -> violations of SOC 2, GDPR and HIPAA, or of a policy of its own."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from agents.builtin.violation import Violation
from agents.sdk import Agent, Context, Schema, ShortText, bounded
from agents.sdk.project_facts import ProjectFacts

agent = Agent(
    name="compliance-checker",
    type="RULE",
    version="1.0.0",
    risk="AUTO",
    description="Audits a project against SOC 2, GDPR and HIPAA controls, and against policies of its own",
)

Standard = Literal["SOC2", "GDPR", "HIPAA"]
Facts = Annotated[ProjectFacts | None, Field(json_schema_extra={"x-kind": "facts"})]
"""Left out in workflows: the platform fills it in."""


class AuditInput(Schema):
    """What to audit."""

    project_id: int
    standards: Annotated[list[Standard], bounded(1, 10)]
    facts: Facts = None


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
    """Controls about which there are no facts."""


class AuditOutput(Schema):
    """The audit's result."""

    project_id: int
    compliant: bool
    """No violation of severity ERROR, and no control without facts."""
    violations: list[Violation]
    score: int = Field(ge=0, le=100)
    standards: list[StandardResult]
    controls_checked: int = Field(ge=0)


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

    standards = list(dict.fromkeys(inputs.standards))
    done = audit(_own(inputs.facts, inputs.project_id, context), standards)
    total = done.total
    context.log.info("%d control(s) hold, %d broken, %d without facts", total.passed, total.failed, total.unknown)
    return AuditOutput(
        project_id=inputs.project_id,
        compliant=not total.unknown and all(one.severity != "ERROR" for one in done.violations),
        violations=done.violations,
        score=total.score,
        standards=[StandardResult(standard=name, **done.by_standard[name].counts()) for name in standards],
        controls_checked=total.passed + total.failed + total.unknown,
    )


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
