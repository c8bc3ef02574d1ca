"""What is offered for an input compiles there, and what is refused is what the compiler refuses."""

from __future__ import annotations

from pathlib import Path

import yaml

from agents.registration.builtin_agents import builtin_catalogue
from compiler import ActionSpec, AgentSpec, Source, compile
from compiler.catalogue import Catalogue
from compiler.offers import Connection, Offer, connections, offers

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


GROUPS = {
    "type": "object",
    "properties": {
        "options": {"anyOf": [{"$ref": "#/$defs/Options"}, {"type": "null"}]},
        "tree": {"$ref": "#/$defs/Tree"},
    },
    "$defs": {
        "Options": {"type": "object", "properties": {"title": {"type": "string"}, "a/b": {"type": "integer"}}},
        "Tree": {
            "type": "object",
            "properties": {"name": {"type": "string"}, "below": {"$ref": "#/$defs/Tree"}},
        },
    },
}


def _catalogue(schema: dict) -> Catalogue:
    gives = {"type": "object", "properties": {"count": {"type": "integer"}, "name": {"type": "string"}}}
    gives["required"] = ["count", "name"]
    action = ActionSpec(name="act", input_schema=schema, output_schema=gives)
    agent = AgentSpec(name="one", type="RULE", version="1", risk="AUTO", entry_path="x", actions={"act": action})
    return Catalogue(agents={"one": agent})


PAIR = """name: x
trigger: manual
nodes:
  - {id: a, agent: one, action: act}
  - {id: b, agent: one, action: act, dependsOn: [a]}
"""


def test_members_of_groups_are_judged_as_inputs_are() -> None:
    found = {each.reference: each for each in offers(Source(text=PAIR), _catalogue(GROUPS), "b")}
    count, name = found["nodes.a.output.count"], found["nodes.a.output.name"]
    assert set(count.refused) == {"options", "tree"}
    assert set(count.refused_within) == {
        "/options/title",
        "/tree/name",
        "/tree/below",
        "/tree/below/name",
        "/tree/below/below",
        "/tree/below/below/name",
        "/tree/below/below/below",
    }
    assert "string" in count.refused_within["/options/title"]
    assert "/options/a~1b" in name.refused_within
    assert "/options/title" not in name.refused_within
    # What is too much to be looked at is not said to fit.
    many = {"type": "object", "properties": {f"f{number}": {"type": "string"} for number in range(100)}}
    wide = offers(Source(text=PAIR), _catalogue({"type": "object", "properties": {"all": many}}), "b")
    told = next(each for each in wide if each.reference == "nodes.a.output.name").refused_within
    assert ("/all/f0" in told, "very many fields" in told["/all/f99"]) == (False, True)


def connected(text: str, node: str, catalogue: Catalogue = CATALOGUE) -> dict[str, Connection]:
    found = connections(Source(text=text), catalogue, node)
    return {f"{each.source}→{each.target}": each for each in found}


def test_a_connection_says_what_it_carries_or_why_nothing_and_whether_it_can_be_made() -> None:
    found = connected(MISSION, "scan")
    assert len(found) == 6
    fixes = found["scan→create-fix-pr"]
    assert (fixes.possible, fixes.takes["vulnerabilities"]) == (True, "nodes.scan.output.vulnerabilities")
    bare = connected(
        MISSION.replace("repositoryPath: ", "repositoryPth: ").replace("vulnerabilities: ", "x: "), "scan"
    )
    assert list(bare["scan→create-fix-pr"].takes)[:2] == ["vulnerabilities", "repositoryPath"]
    assert found["scan→assess"].why == "it is there already"
    assert (found["assess→scan"].possible, "circle" in found["assess→scan"].why) == (False, True)
    lonely = connected(PAIR.replace(", dependsOn: [a]", ""), "a", _catalogue({"type": "object"}))
    assert (lonely["a→b"].possible, lonely["a→b"].takes) == (True, {})
    assert "no input" in lonely["a→b"].why
    one = {"type": "object", "properties": {"flag": {"type": "boolean"}}}
    misfit = connected(PAIR.replace(", dependsOn: [a]", ""), "b", _catalogue(one))
    # Found once for both directions, and told with the names of each.
    assert (misfit["a→b"].possible, misfit["a→b"].takes) == (True, {})
    assert "does not always fit the input 'flag'" in misfit["b→a"].why
    within = connected(PAIR.replace(", dependsOn: [a]", ""), "a", _catalogue(GROUPS))["a→b"].takes
    assert within["/options/title"] == "nodes.a.output.name"
    assert connected("nodes: [", "a") == {}


def test_what_is_offered_as_a_connection_compiles() -> None:
    for edge in (each for node in ("scan", "assess") for each in connected(MISSION, node).values()):
        for field, reference in edge.takes.items():
            workflow = yaml.safe_load(MISSION)
            target = next(each for each in workflow["nodes"] if each["id"] == edge.target)
            target["inputs"][field] = f"{{{{ {reference} }}}}"
            target["dependsOn"] = [*target.get("dependsOn", []), edge.source]
            text = yaml.safe_dump(workflow, sort_keys=False)
            assert not _MISFIT & {each.code for each in compile(Source(text=text), CATALOGUE).diagnostics}
