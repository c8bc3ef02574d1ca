"""Both workflows of the mission compile as they are, byte for byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from compiler import Catalogue, Scope, compile, condition, format_text, load, render

WORKFLOWS = Path(__file__).parents[2] / "workflows"


@pytest.mark.parametrize("name", ["security-audit-on-pr", "compliance-check-weekly"])
def test_a_mission_workflow_compiles_without_a_word(name: str, catalogue: Catalogue) -> None:
    source = load(WORKFLOWS / f"{name}.yaml")

    compiled = compile(source, catalogue)

    assert format_text(compiled.diagnostics, [source]) == ""
    assert compiled.plan is not None


def test_the_security_audit_has_its_order_and_its_one_gate(catalogue: Catalogue) -> None:
    plan = compile(load(WORKFLOWS / "security-audit-on-pr.yaml"), catalogue, project_id=7).plan
    assert plan is not None

    assert [node.id for node in plan.nodes] == ["scan", "assess", "notify-if-critical", "create-fix-pr"]
    assert [node.id for node in plan.nodes if node.gate] == ["create-fix-pr"]
    assert plan.project_id == 7
    assert plan.digest.startswith("sha256:")


def test_its_templates_resolve_and_keep_their_types(catalogue: Catalogue) -> None:
    plan = compile(load(WORKFLOWS / "security-audit-on-pr.yaml"), catalogue).plan
    assert plan is not None
    found = [{"severity": "CRITICAL"}]
    scope = Scope(
        context={"repositoryPath": "/repo"},
        nodes={
            "scan": {"output": {"vulnerabilities": found, "scanId": "s1"}, "status": "SUCCESS"},
            "assess": {"output": {"summary": {"critical": 2}}, "status": "SUCCESS"},
        },
    )

    assert render(plan.node("create-fix-pr").inputs, scope) == {
        "vulnerabilities": found,
        "repositoryPath": "/repo",
        "targetBranch": "security-fixes-s1",
    }
    assert render(plan.node("notify-if-critical").inputs, scope) == {
        "channel": "#security-alerts",
        "message": "🚨 2 CRITICAL vulnerabilities detected in /repo",
        "condition": True,
    }
    assert condition("{{ nodes.assess.output.summary.critical > 2 }}", scope) is False


def test_hyphenated_node_ids_are_names_not_subtractions(catalogue: Catalogue) -> None:
    plan = compile(load(WORKFLOWS / "compliance-check-weekly.yaml"), catalogue).plan
    assert plan is not None
    scope = Scope(
        context={"projectId": 1},
        nodes={
            "scan-compliance": {"output": {"score": 87.5}},
            "generate-report": {"output": {"pdfPath": "a/b.pdf"}},
        },
    )

    inputs = render(plan.node("email-stakeholders").inputs, scope)

    assert isinstance(inputs, dict)
    assert inputs["subject"] == "Weekly Compliance Report - Score: 87.5/100"
    assert inputs["attachment"] == "a/b.pdf"
