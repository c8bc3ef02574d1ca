"""Graphs, gate proofs, editor schema and the machine formats."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest
import yaml

from compiler import (
    Catalogue,
    Plan,
    Source,
    compile,
    editor_schema,
    format_json,
    format_proof,
    format_sarif,
    mermaid,
    prove_gates,
    text_graph,
)

Planned = Callable[[str], Plan]


def test_the_text_graph_shows_ranks_and_gates(mission: dict[str, str], planned: Planned) -> None:
    text = text_graph(planned(mission["security-audit-on-pr"]))

    assert text.splitlines()[:3] == ["security-audit-deploy", "  on graph.file.updated", "  1."]
    assert "create-fix-pr  patcher.generateFixPR  [gate: 1 approval]  after assess" in text


def test_mermaid_leads_every_arrow_to_the_gate(mission: dict[str, str], planned: Planned) -> None:
    chart = mermaid(planned(mission["security-audit-on-pr"]))

    assert chart.startswith("flowchart TD\n")
    assert 'n3g{"1 approval"} --> n3' in chart
    assert "n1 --> n3g" in chart
    assert "n1 --> n3\n" not in chart


def test_mermaid_text_is_inert(planned: Planned, mission: dict[str, str]) -> None:
    condition = """when: "{{ '<b>' == 'x' }}"\n\n  - id: create"""
    text = mission["security-audit-on-pr"].replace("approvalRequired: false\n\n  - id: create", condition)

    chart = mermaid(planned(text))

    assert "<b>" not in chart
    assert "#60;b#62;" in chart


def test_the_proof_lists_every_path_and_its_gate(mission: dict[str, str], planned: Planned) -> None:
    (proof,) = prove_gates(planned(mission["security-audit-on-pr"]))

    assert proof.holds
    assert proof.count == len(proof.paths) == 2
    assert {path.trigger for path in proof.paths} == {"graph.file.updated", "manual"}
    assert all(path.gates == ("create-fix-pr",) for path in proof.paths)
    assert "→ [gate] create-fix-pr" in format_proof(planned(mission["security-audit-on-pr"]))


def test_a_plan_whose_gate_was_tampered_with_is_not_proven(mission: dict[str, str], planned: Planned) -> None:
    plan = planned(mission["security-audit-on-pr"])
    open_node = plan.node("create-fix-pr").model_copy(update={"gate": None})

    tampered = plan.model_copy(update={"nodes": (*plan.nodes[:-1], open_node)})

    assert not prove_gates(tampered)[0].holds
    assert "DOES NOT PASS" in format_proof(tampered)


def test_a_trusted_trigger_is_named_in_the_proof(mission: dict[str, str], planned: Planned) -> None:
    text = mission["security-audit-on-pr"].replace("approvalRequired: true", "approvalRequired: false")
    plan = planned("approvalPolicy: {trustedTriggers: [graph.file.updated]}\n" + text)

    (proof,) = prove_gates(plan)

    assert proof.holds
    assert {path.trigger: bool(path.gates) for path in proof.paths} == {
        "graph.file.updated": False,
        "manual": True,
    }
    gate = plan.node("create-fix-pr").gate
    assert gate is not None
    assert gate.trusted_triggers == ("graph.file.updated",)


def test_the_editor_schema_accepts_the_mission_and_refuses_slips(
    mission: dict[str, str], catalogue: Catalogue
) -> None:
    schema = editor_schema(catalogue)
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)

    def wrong(text: str) -> list[Any]:
        return list(validator.iter_errors(yaml.safe_load(text)))

    for text in mission.values():
        assert wrong(text) == []
    audit = mission["security-audit-on-pr"]
    assert wrong(audit.replace("agent: notifier", "agent: notifer"))
    assert wrong(audit.replace("sendSlackAlert", "sendSlackAlarm"))
    assert wrong(audit.replace("channel:", "chanel:"))
    assert wrong(audit.replace('"INCREMENTAL"', '"PARTIAL"'))
    assert wrong(audit.replace("dependsOn", "dependson"))


@pytest.mark.parametrize("text", ["nodes: []\n", "name: a\nnodes:\n  - {id: x, agent: y, action: z}\n"])
def test_machine_formats_hold_what_the_text_says(text: str, catalogue: Catalogue) -> None:
    found = compile(Source(text, "flows/a.yaml"), catalogue).diagnostics

    as_json = json.loads(format_json(found))
    sarif = json.loads(format_sarif(found))

    assert as_json["errors"] == sum(each.severity == "error" for each in found) > 0
    assert [each["code"] for each in as_json["diagnostics"]] == [each.code for each in found]
    results = sarif["runs"][0]["results"]
    assert [each["ruleId"] for each in results] == [each.code for each in found]
    assert results[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "flows/a.yaml"
    assert {rule["id"] for rule in sarif["runs"][0]["tool"]["driver"]["rules"]} == {each.code for each in found}
