"""What is offered for an input compiles there, and what is refused is what the compiler refuses."""

from __future__ import annotations

from pathlib import Path

import yaml

from agents.registration.builtin_agents import builtin_catalogue
from compiler import Source, compile
from compiler.offers import Offer, offers

ROOT = Path(__file__).parents[2]
MISSION = (ROOT / "workflows" / "security-audit-on-pr.yaml").read_text()
CATALOGUE = builtin_catalogue()
_MISFIT = {"CC601", "CC602"}


def offered(text: str, node: str) -> dict[str, Offer]:
    return {each.reference: each for each in offers(Source(text=text), CATALOGUE, node)}


def misfits(text: str, node: str, field: str, reference: str) -> bool:
    workflow = yaml.safe_load(text)
    found = next(each for each in workflow["nodes"] if each["id"] == node)
    found["inputs"][field] = f"{{{{ {reference} }}}}"
    source = Source(text=yaml.safe_dump(workflow, sort_keys=False))
    return bool(_MISFIT & {each.code for each in compile(source, CATALOGUE).diagnostics})


def test_offers_say_what_the_compiler_says() -> None:
    told = {
        (reference, field): (field in each.refused, misfits(MISSION, "create-fix-pr", field, reference))
        for reference, each in list(offered(MISSION, "create-fix-pr").items())[::4]
        for field in ("vulnerabilities", "targetBranch")
    }
    assert {refused for refused, _ in told.values()} == {True, False}
    assert {place: both for place, both in told.items() if both[0] != both[1]} == {}


def test_what_is_not_upstream_is_not_offered_and_the_context_is_that_of_the_triggers() -> None:
    found = offered(MISSION, "assess")
    assert {each.node for each in found.values()} == {None, "scan"}
    assert found["context.previousCommit"].type == "null or text"
    weekly = (
        MISSION[: MISSION.index("trigger:")]
        + 'trigger: {schedule: "0 6 * * 1"}\n'
        + MISSION[MISSION.index("nodes:") :]
    )
    assert "context.scheduledAt" in offered(weekly, "assess")
    assert "context.filePath" not in offered(weekly, "assess")
    declared = weekly.replace("nodes:", "context: {some-field: {type: string, default: a}}\nnodes:", 1)
    assert 'context["some-field"]' in offered(declared.replace('{schedule: "0 6 * * 1"}', "manual"), "assess")


def test_a_text_with_errors_has_offers_and_one_that_cannot_be_read_has_none() -> None:
    text = """name: x
trigger: {event: graph.file.updated}
nodes:
  - {id: a, agent: security-scanner, action: scanRepository}
  - id: b
    agent: security-assessor
    action: evaluateRisk
    dependsOn: [a, gone]
    foreach: "{{ nodes.a.output.suppressed }}"
"""
    found = offered(text, "b")
    assert found["nodes.a.output.vulnerabilities"].refused == {}
    assert "item.file" in found
    assert "takes no null" not in str(found["context.repositoryPath"].refused)
    assert offered(text, "nowhere") == {}
    assert offered("nodes: [", "a") == {}
    assert offered("nodes: 3", "a") == {}
