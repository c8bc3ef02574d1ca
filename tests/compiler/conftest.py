"""A small catalogue of the mission's agents, written for these tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from compiler import ActionSpec, AgentSpec, Catalogue, Plan, Source, compile, format_text

MISSION = ("security-audit-on-pr", "compliance-check-weekly")
TEXT = {"type": "string"}
SEVERITY = {"enum": ["LOW", "MEDIUM", "HIGH", "CRITICAL"]}
COUNT = {"type": "integer", "minimum": 0}


def record(required: dict[str, Any], optional: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A closed object schema; optional fields may be null, as Pydantic publishes them."""
    nullable = {
        key: {"anyOf": [value, {"type": "null"}], "default": None} for key, value in (optional or {}).items()
    }
    return {
        "type": "object",
        "properties": {**required, **nullable},
        "required": sorted(required),
        "additionalProperties": False,
        **more,
    }


VULNERABILITY = record(
    {"severity": SEVERITY, "file": TEXT, "line": {"type": "integer"}, "description": TEXT, "recommendation": TEXT},
    {"cve": TEXT},
)
VULNERABILITIES = {"type": "array", "items": {"$ref": "#/$defs/Vulnerability"}}
DEFS = {"Vulnerability": VULNERABILITY}
SUMMARY = record({"total": COUNT, "critical": COUNT, "high": COUNT, "medium": COUNT, "low": COUNT})
VIOLATION = record(
    {"rule": TEXT, "severity": {"enum": ["WARNING", "ERROR"]}, "location": TEXT, "remediation": TEXT}
)
VIOLATIONS = {"type": "array", "items": VIOLATION}
REPOSITORY = {"type": "string", "x-kind": "repository", "x-access": "read"}


def action(name: str, inputs: dict[str, Any], output: dict[str, Any], **more: Any) -> ActionSpec:
    return ActionSpec(name=name, description=f"Does {name}", input_schema=inputs, output_schema=output, **more)


def agent(name: str, *actions: ActionSpec, **more: Any) -> AgentSpec:
    settings: dict[str, Any] = {"type": "SCRIPT", "risk": "AUTO", "version": "1.0.0", **more}
    return AgentSpec(
        name=name, entry_path=f"agents.builtin.{name}", actions={each.name: each for each in actions}, **settings
    )


def mission_agents() -> list[AgentSpec]:
    scanner = agent(
        "security-scanner",
        action(
            "scanRepository",
            record(
                {"repositoryPath": REPOSITORY, "scanType": {"enum": ["FULL", "INCREMENTAL"]}},
                {"baseCommit": TEXT},
            ),
            record(
                {"vulnerabilities": VULNERABILITIES, "summary": SUMMARY, "scanDurationMs": COUNT, "scanId": TEXT},
                **{"$defs": DEFS},
            ),
        ),
    )
    assessor = agent(
        "security-assessor",
        action(
            "evaluateRisk",
            record({"vulnerabilities": VULNERABILITIES}, **{"$defs": DEFS}),
            record(
                {"summary": SUMMARY, "riskLevel": SEVERITY, "recommendation": TEXT, "score": {"type": "number"}}
            ),
        ),
        type="RULE",
    )
    delivery = record({"messageId": TEXT, "channel": TEXT, "timestamp": TEXT, "sent": {"type": "boolean"}})
    condition = {"type": "boolean", "default": True}
    alert = record({"channel": TEXT, "message": TEXT, "condition": condition})
    alert["required"] = ["channel", "message"]
    mail = record(
        {"recipients": {"type": "array", "items": TEXT, "minItems": 1}, "subject": TEXT}, {"attachment": TEXT}
    )
    notifier = agent(
        "notifier",
        action("sendSlackAlert", alert, delivery),
        action("sendEmail", mail, delivery),
        type="API",
        network=("hooks.slack.com:443", "smtp.company.com:587"),
        secrets=("SLACK_TOKEN",),
    )
    patcher = agent(
        "patcher",
        action(
            "generateFixPR",
            record(
                {
                    "vulnerabilities": VULNERABILITIES,
                    "repositoryPath": {**REPOSITORY, "x-access": "write"},
                    "targetBranch": {**TEXT, "x-editable": True},
                },
                **{"$defs": DEFS},
            ),
            record({"prNumber": {"type": "integer"}, "prUrl": TEXT, "branch": TEXT}),
            effect="publish-branch",
        ),
        type="LLM",
        risk="APPROVAL_REQUIRED",
    )
    compliance = agent(
        "compliance-checker",
        action(
            "auditProject",
            record(
                {
                    "projectId": {"type": "integer"},
                    "standards": {"type": "array", "items": {"enum": ["SOC2", "GDPR", "HIPAA"]}},
                }
            ),
            record(
                {
                    "compliant": {"type": "boolean"},
                    "violations": VIOLATIONS,
                    "score": {"type": "number", "minimum": 0, "maximum": 100},
                }
            ),
        ),
        type="RULE",
    )
    reporter = agent(
        "report-generator",
        action(
            "createPDF",
            record({"violations": VIOLATIONS, "score": {"type": "number"}, "template": TEXT}),
            record({"pdfPath": TEXT, "pages": COUNT}),
        ),
    )
    reviewer = agent(
        "code-reviewer",
        action(
            "reviewPR",
            record({"instructions": {**TEXT, "x-interprets": "instructions"}, "diff": TEXT}, {"host": TEXT}),
            record(
                {"comments": {"type": "array", "items": TEXT}, "score": {"type": "number"}, "verdict": SEVERITY}
            ),
        ),
        type="LLM",
    )
    oddball = agent(
        "oddball", action("guess", {"type": "object", "propertys": {}}, {"$ref": "https://example.com/x"})
    )
    return [oddball, scanner, assessor, notifier, patcher, compliance, reporter, reviewer]


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return Catalogue(agents={each.name: each for each in mission_agents()})


@pytest.fixture(scope="session")
def planned(catalogue: Catalogue) -> Callable[[str], Plan]:
    """Compiles a text that must be right."""

    def compiled(text: str) -> Plan:
        source = Source(text, "flow.yaml")
        result = compile(source, catalogue)
        assert result.plan is not None, format_text(result.diagnostics, [source])
        return result.plan

    return compiled


@pytest.fixture(scope="session")
def mission() -> dict[str, str]:
    """The mission's workflows, as text."""
    folder = Path(__file__).parents[2] / "workflows"
    return {name: (folder / f"{name}.yaml").read_text() for name in MISSION}
