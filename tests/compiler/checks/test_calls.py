"""Nodes that run another workflow, checked across the border, and played in dry runs."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from compiler import (
    ActionSpec,
    AgentSpec,
    Catalogue,
    Compiled,
    Source,
    changes,
    compile,
    compile_all,
    editor_schema,
    read_cases,
    run_cases,
)
from compiler.callees import callable_workflows
from compiler.completion import complete
from compiler.plan import Plan

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "calls.md"
CALLER, CALLEE, CASES = (
    text.replace("sendSlack\n", "sendSlackAlert\n")
    for text in re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), flags=re.S)
)


def both(catalogue: Catalogue, caller: str = CALLER, callee: str = CALLEE) -> tuple[Compiled, Compiled]:
    first, second = compile_all([Source(caller, "a.yaml"), Source(callee, "b.yaml")], catalogue)
    return first, second


def codes(compiled: Compiled) -> list[str]:
    return [each.code for each in compiled.diagnostics]


def plan_of(compiled: Compiled) -> Plan:
    assert compiled.plan is not None, compiled.diagnostics
    return compiled.plan


def test_the_page_compiles_pins_the_version_and_its_case_passes(catalogue: Catalogue) -> None:
    caller, callee = both(catalogue)
    called = plan_of(caller).node("tell").calls
    assert called is not None
    assert called.plan == plan_of(callee).digest
    found = run_cases(plan_of(caller), read_cases(Source(CASES, "a.test.yaml")), caller.callees)
    assert found.passed, found.cases


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ('      text: "{{ context.version }} is out"\n', "", "CC303"),
        ("      text:", "      txt:", "CC303"),
        ('channel: "#releases"', "channel: 4", "CC305"),
        ('channel: "#releases"', 'channel: "{{ context.projectId }}"', "CC601"),
        ("nodes.tell.output.sent", "nodes.tell.output.snt", "CC505"),
        ('"{{ nodes.tell.output.sent }}"', '"{{ nodes.tell.output.channel }}"', "CC604"),
        ("workflow: announce", "workflow: anounce", "CC308"),
        ("workflow: announce", "workflow: release", "CC310"),
        ("workflow: announce", "workflow: announce\n    timeoutSeconds: 5", "CC311"),
        ("workflow: announce", "workflow: announce\n    agent: notifier", "CC311"),
        ("workflow: announce", "workflow: announce\n    approvalRequired: true", "CC311"),
        ("workflow: announce", "workflow: 7", "CC203"),
    ],
)
def test_mistakes_of_a_call_are_found(old: str, new: str, code: str, catalogue: Catalogue) -> None:
    caller, _ = both(catalogue, CALLER.replace(old, new, 1))
    assert code in codes(caller)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("name: announce", "name: announce\nstatus: ARCHIVED", "CC309"),
        ("agent: notifier", "agent: notifer", "CC309"),
        ("outputs:", '  - {id: back, workflow: release, inputs: {version: "1"}}\noutputs:', "CC310"),
    ],
)
def test_what_is_wrong_with_the_workflow_that_is_called_is_said(
    old: str, new: str, code: str, catalogue: Catalogue
) -> None:
    caller, _ = both(catalogue, callee=CALLEE.replace(old, new, 1))
    assert codes(caller) == [code]


def test_a_deployed_workflow_is_known_and_a_circle_through_it_is_found(catalogue: Catalogue) -> None:
    caller, callee = both(catalogue)
    deployed = [(plan_of(caller), "ACTIVE"), (plan_of(callee), "ACTIVE")]
    known = replace(catalogue, workflows=callable_workflows(deployed))

    assert codes(compile(Source(CALLER), known)) == []
    back = CALLEE.replace("outputs:", '  - {id: back, workflow: release, inputs: {version: "1"}}\noutputs:')
    assert codes(compile(Source(back), known)) == ["CC310"]
    archived = replace(catalogue, workflows=callable_workflows([(plan_of(callee), "ARCHIVED")]))
    assert codes(compile(Source(CALLER), archived)) == ["CC309"]


def test_editors_know_the_workflow_its_inputs_and_its_outputs(catalogue: Catalogue) -> None:
    _, callee = both(catalogue)
    known = replace(catalogue, workflows=callable_workflows([(plan_of(callee), "ACTIVE")]))
    schema = editor_schema(known)
    node: dict[str, Any] = {"id": "a", "workflow": "announce", "inputs": {"channel": "#a", "text": "hi"}}
    jsonschema.validate({"name": "w", "nodes": [node]}, schema)
    for wrong in ({**node, "inputs": {"channel": "#a"}}, {**node, "workflow": "other"}, {"id": "a"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({"name": "w", "nodes": [wrong]}, schema)
    text = "name: w\nnodes:\n  - id: a\n    workflow: announce\n    inputs:\n      \noutputs:\n  x: '{{ nodes.a.output."
    assert [each.label for each in complete(text, 6, 7, known)] == ["channel", "text"]
    assert [each.label for each in complete(text, 8, 28, known)] == ["sent", "channel"]


def test_a_review_says_what_a_node_runs_and_when_the_version_changes(catalogue: Catalogue) -> None:
    caller, callee = both(catalogue)
    newer, _ = both(catalogue, callee=CALLEE.replace("name: announce", "name: announce\ndescription: new"))

    added = [each.message for each in changes(None, plan_of(caller))]
    changed = [each.message for each in changes(plan_of(caller), plan_of(newer))]

    assert codes(callee) == []
    assert any(message.startswith("tell: it now runs version") for message in changed)
    assert added[0] == "the workflow 'release' is new"


def test_what_a_call_gives_is_text_from_outside(catalogue: Catalogue) -> None:
    text = {"type": "string", "x-interprets": "shell"}
    line = ActionSpec(
        name="run",
        input_schema={"type": "object", "properties": {"line": text}, "required": ["line"]},
        output_schema={"type": "object"},
    )
    shell = AgentSpec(name="shell", type="API", version="1", risk="AUTO", entry_path="x", actions={"run": line})
    known = replace(catalogue, agents={**catalogue.agents, "shell": shell})
    caller = """\
name: shell
nodes:
  - {id: tell, workflow: announce, inputs: {channel: "#a", text: hi}}
  - {id: risky, agent: shell, action: run, dependsOn: [tell], inputs: {line: "{{ nodes.tell.output.channel }}"}}
"""
    assert codes(both(known, caller)[0]) == ["CC803"]
