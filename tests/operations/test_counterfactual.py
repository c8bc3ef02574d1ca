"""Recorded events played with another version: what would start, who would be asked, what would be different."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from compiler import ActionSpec, AgentSpec, Source, compile
from operations.compile_source import WorkflowMistakes
from operations.counterfactual import replay_events
from operations.deploy import RecordsOnly, deploy
from records import Records

TEXT = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
OLD = """\
name: talk
trigger:
  event: graph.file.updated
  filters: {branch: main}
nodes:
  - id: speak
    agent: speaker
    action: say
    inputs: {text: "{{ context.filePath }}"}
"""
NEW = (
    OLD.replace("branch: main", 'filePath: "*.py"')
    + """\
  - id: shout
    agent: speaker
    action: shout
    inputs: {text: "{{ nodes.speak.output.text }}"}
    dependsOn: [speak]
    when: "{{ nodes.speak.output.text == 'loud' }}"
"""
)


@pytest.fixture
async def records(migrated_url: str) -> AsyncIterator[Records]:
    actions = {
        "say": ActionSpec(name="say", input_schema=TEXT, output_schema=TEXT),
        "shout": ActionSpec(name="shout", risk="APPROVAL_REQUIRED", input_schema=TEXT, output_schema=TEXT),
    }
    async with await Records.open(migrated_url) as records:
        speaker = AgentSpec(
            name="speaker",
            type="RULE",
            version="1.0.0",
            risk="AUTO",
            entry_path="agents.builtin.speaker",
            actions=actions,
        )
        await records.register_agent(1, speaker)
        yield records


@pytest.fixture
async def week(records: Records) -> dict[str, str]:
    """Three events: one started the old version, which heard `loud`; one did not; one belongs elsewhere."""
    plan = compile(Source(text=OLD), await records.catalogue(1), project_id=1).plan
    assert plan
    await deploy([plan], records=records, publisher=RecordsOnly(), project_id=1, agreed_by="test")
    run = await records.start_run(
        flow_run_id="flow-1", plan_digest=plan.digest, trigger="graph.file.updated", context={}, triggered_by="e"
    )
    agent_run, attempt = await records.start_attempt(agent_name="speaker", run_id=run, node_id="speak", inputs={})
    await records.finish_agent_run(agent_run, status="SUCCESS", output={"text": "loud"}, attempt=attempt)
    await records.finish_run(run, "SUCCESS", "")
    looked = {"workflow": "talk", "digest": plan.digest}
    came = (
        ({"branch": "main", "filePath": "a.py"}, "started", {**looked, "matched": True, "flowRunId": "flow-1"}),
        ({"branch": "next", "filePath": "b.py"}, "matched nothing", {**looked, "matched": False}),
        ({"branch": "main", "filePath": "c.txt"}, "started", {**looked, "matched": True, "flowRunId": "flow-9"}),
        ({"branch": "next", "filePath": "d.txt"}, "matched nothing", {**looked, "matched": False}),
    )
    for number, (payload, outcome, seen) in enumerate(came):
        await records.receive_event(
            "S",
            number,
            subject="graph.file.updated",
            payload=json.dumps({"projectId": 1, "repositoryPath": "/r", **payload}).encode(),
            outcome=cast("Any", outcome),
            project_id=1,
            looked=[seen],
        )
    return {"run": run, "digest": plan.digest}


async def test_each_event_says_what_would_be_different(records: Records, week: dict[str, str]) -> None:
    found = await replay_events(NEW, records=records, project_id=1)
    assert (found.looked, found.changed, len(found.events)) == (4, 3, 3)
    last, fresh, same = found.events
    assert same.run_id == week["run"]
    # The agent is heard as it spoke then, so the new branch is taken, and a person is asked.
    assert (same.then.nodes, same.now.nodes, same.now.gates) == (("speak",), ("speak", "shout"), ("shout",))
    assert same.differences == ("a person would be asked about shout", "shout would run as well")
    assert same.assumed == ("shout",)
    assert fresh.differences == ("it would start, which it did not",)
    assert (fresh.then.started, fresh.now.status) == (False, "SUCCESS")
    assert last.differences == ("it would not start: its filter on filePath does not accept the event",)
    assert await records.runs(1, status="RUNNING") == []


async def test_the_version_of_then_differs_in_nothing(records: Records, week: dict[str, str]) -> None:
    found = await replay_events(OLD, records=records, project_id=1)
    assert found.plan.digest == week["digest"]
    assert found.changed == 0
    assert len(found.events) == 2


async def test_a_text_that_does_not_compile_plays_nothing(records: Records) -> None:
    with pytest.raises(WorkflowMistakes):
        await replay_events(OLD.replace("speaker", "speeker"), records=records, project_id=1)
