"""Texts of workflows over HTTP: compiled, completed, played and explained, with nothing saved."""

from __future__ import annotations

from typing import Any

import pytest


async def test_a_text_is_compiled_to_a_graph_and_nothing_is_saved(ann: Any, workflow_yaml: Any) -> None:
    answer = await ann.post("/compile", json={"source": workflow_yaml("talk")})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    plan = found["plan"]
    assert plan["order"] == ["speak", "shout"]
    (edge,) = plan["edges"]
    assert (edge["from"], edge["to"], edge["kind"], edge["type"]) == ("speak", "shout", "dependsOn", "text")
    assert edge["flows"] == [{"input": "text", "reference": "nodes.speak.output.text", "type": "text"}]
    shout = plan["nodes"][1]
    assert shout["gate"]["quorum"] == 1
    assert "anybody but who started the run" in shout["gate"]["policy"]
    assert shout["risk"] == "APPROVAL_REQUIRED"
    assert shout["inputSchema"]["required"] == ["text"]
    assert found["gateProof"] == [
        {"node": "shout", "action": "speaker.shout", "holds": True, "paths": 2, "trusted": []}
    ]
    told = [(each["kind"], each["subject"]) for each in found["changes"]]
    assert {("workflow-added", ""), ("gate-added", "shout")} <= set(told)
    assert (await ann.get("/workflows")).json() == []
    saved = (await ann.put("/workflows/talk", content=workflow_yaml("talk"))).json()
    assert plan["digest"] == saved["planDigest"]
    assert (await ann.post("/compile", json={"source": workflow_yaml("talk")})).json()["changes"] == []


async def test_text_from_outside_is_marked_on_the_node_that_gets_it(ann: Any, workflow_yaml: Any) -> None:
    source = workflow_yaml("talk").replace("{text: hello}", '{text: "{{ context.filePath }}"}')
    nodes = (await ann.post("/compile", json={"source": source})).json()["plan"]["nodes"]
    assert nodes[0]["tainted"] == [{"input": "text", "source": "context.filePath"}]
    # The speaker is a RULE agent: what it says is trusted.
    assert nodes[1]["tainted"] == []


async def test_a_mistake_has_its_range_and_the_word_to_put_there(ann: Any, workflow_yaml: Any) -> None:
    source = workflow_yaml("talk").replace("agent: speaker", "agent: speeker", 1)
    found = (await ann.post("/compile", json={"source": source})).json()
    assert found["plan"] is None
    first = found["diagnostics"][0]
    assert (first["line"], first["severity"]) == (6, "error")
    line = source.split("\n")[first["line"] - 1]
    fixed = line[: first["column"] - 1] + first["fix"]["text"] + line[first["endColumn"] - 1 :]
    assert fixed == "    agent: speaker"


async def test_what_an_input_may_take_is_told_with_the_reason_where_it_does_not(
    ann: Any, workflow_yaml: Any
) -> None:
    body = {"source": workflow_yaml("talk"), "node": "shout"}
    found = {each["reference"]: each for each in (await ann.post("/compile/offers", json=body)).json()}
    assert found["nodes.speak.output.text"] == {
        "reference": "nodes.speak.output.text",
        "type": "text",
        "node": "speak",
        "refused": {},
        "refusedWithin": {},
    }
    assert "must be a string" in found["context.projectId"]["refused"]["text"]
    assert "takes no null" in found["context.branch"]["refused"]["text"]
    edges = (await ann.post("/compile/connections", json=body)).json()
    assert [(each["source"], each["target"], each["possible"]) for each in edges] == [
        ("shout", "speak", False),
        ("speak", "shout", False),
    ]


async def test_a_lost_gate_is_a_dangerous_change(ann: Any, workflow_yaml: Any) -> None:
    policy = "approvalPolicy:\n  trustedTriggers: [graph.file.updated]\n"
    await ann.put("/workflows/talk", content=workflow_yaml("talk"))
    found = (await ann.post("/compile", json={"source": workflow_yaml("talk") + policy})).json()
    dangerous = [each for each in found["changes"] if each["dangerous"]]
    assert {"trusted-trigger-added"} <= {each["kind"] for each in dangerous}
    review = (await ann.post("/workflows/talk/review", json={"source": workflow_yaml("talk") + policy})).json()
    assert review["agreementNeeded"] is True


CASES = [
    ("", "{}", "name"),
    ("name: x\nnodes:\n  - id: a\n    agent: {}", "sp", "speaker"),
    ("name: x\nnodes:\n  - id: a\n    agent: speaker\n    action: {}", "", "shout"),
    ("name: x\nnodes:\n  - id: a\n    agent: speaker\n    {}", "dep", "dependsOn"),
    ("name: x\nnodes:\n  - id: a\n    agent: speaker\n    action: say\n    inputs:\n      {}", "te", "text"),
    ("name: x\nnodes:\n  - id: a\n    agent: speaker\n    action: say\n  - id: b\n    dependsOn: [{}", "", "a"),
    (
        "name: x\nnodes:\n  - id: a\n    agent: speaker\n    action: say\n  - id: b\n    agent: speaker\n"
        '    action: say\n    inputs:\n      text: "{{{{ {}',
        "nodes.a.output.",
        "text",
    ),
    ('name: x\nnodes:\n  - id: a\n    inputs:\n      text: "{{{{ {}', "run.", "trigger"),
    ('name: x\nnodes:\n  - id: a\n    inputs:\n      text: "{{{{ {}', "run.id | le", "length"),
    ("name: x\nstatus: {}", "A", "ARCHIVED"),
    ("name: x\nnodes:\n  - id: a\n    approval:\n      {}", "quo", "quorum"),
    ("name: x\ntrigger:\n  {}", "ev", "event"),
]


@pytest.mark.parametrize(("around", "typed", "wanted"), CASES)
async def test_what_may_stand_at_the_cursor_is_offered(ann: Any, around: str, typed: str, wanted: str) -> None:
    source = around.format(typed) if around else typed.strip("{}")
    lines = source.split("\n")
    body = {"source": source, "line": len(lines), "column": len(lines[-1]) + 1}
    answer = await ann.post("/compile/complete", json=body)
    assert answer.status_code == 200, answer.text
    assert wanted in [each["label"] for each in answer.json()]


@pytest.mark.parametrize(
    "source", ["", "\x00", "a: [", "{{", "nodes:\n- - -", "nodes:\n  - id: [\n\ttab", "x" * 5000]
)
async def test_completion_never_fails_for_what_is_being_written(ann: Any, source: str) -> None:
    for line, column in ((1, 1), (1, 10_000), (2, 3), (1000, 1)):
        answer = await ann.post("/compile/complete", json={"source": source, "line": line, "column": column})
        assert answer.status_code == 200, answer.text


async def test_a_dry_run_tells_path_gates_and_coverage(ann: Any, workflow_yaml: Any) -> None:
    body: dict[str, Any] = {"source": workflow_yaml("talk"), "approvals": {"shout": "reject"}}
    found = (await ann.post("/compile/dry-run", json=body)).json()
    (case,) = found["cases"]
    assert (case["status"], case["path"], case["gates"]) == ("FAILED", ["speak", "shout"], ["shout"])
    assert "shout: gate approved" in found["coverage"]["missed"]
    cases = "cases:\n  - name: both\n    expect: {status: SUCCESS, gates: []}\n"
    found = (await ann.post("/compile/dry-run", json={"source": workflow_yaml("talk"), "cases": cases})).json()
    assert found["passed"] is False
    assert "gates" in found["cases"][0]["failures"][0]


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ({"source": "name: x"}, "mistakes"),
        ({"cases": "cases: []"}, "cases"),
        ({"mocks": {"speak": {"outptu": 1}}}, "outptu"),
        ({"context": {}, "mocks": {"nobody": {}}}, ""),
    ],
)
async def test_a_dry_run_that_cannot_be_played_says_why(
    ann: Any, workflow_yaml: Any, extra: dict[str, Any], said: str
) -> None:
    answer = await ann.post("/compile/dry-run", json={"source": workflow_yaml("talk"), **extra})
    assert answer.status_code in (200, 422)
    assert said in answer.text
    if answer.status_code == 422:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["status"] == 422


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("0 9 * * 1", "at 09:00 on Monday"),
        ("*/15 * * * *", "every 15 minutes"),
        ("30 8,17 * * 1-5", "at 08:30 and 17:30 from Monday to Friday"),
        ("0 0 L * *", "at 00:00 on the last day of the month"),
        ("0 6 1 jan,jul *", "at 06:00 on day 1 of the month in January and July"),
        ("0 12 * * mon#2", "at 12:00 on the second Monday of the month"),
        ("0 0 * * *", "at 00:00 every day"),
        ("0 0 1 * 5", "at 00:00 on day 1 of the month or on Friday"),
        ("10-20/5 */2 * * *", "at minute every 5 from 10 to 20 every 2 hours"),
    ],
)
async def test_a_schedule_is_explained(ann: Any, cron: str, words: str) -> None:
    found = (await ann.post("/compile/schedule", json={"cron": cron, "timezone": "Europe/Vienna"})).json()
    assert found["words"] == words
    assert len(found["next"]) == 5
    assert found["next"] == sorted(found["next"])


async def test_a_schedule_that_is_none_is_refused(ann: Any) -> None:
    for body in ({"cron": "@daily"}, {"cron": "0 0 30 2 *"}, {"cron": "0 0 * * *", "timezone": "Mars/Base"}):
        assert (await ann.post("/compile/schedule", json=body)).status_code == 422
