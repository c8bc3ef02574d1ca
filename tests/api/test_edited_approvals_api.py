"""Inputs edited over the API: only where the schema says so, only for what was seen, and only by who may approve."""

from __future__ import annotations

from typing import Any

import pytest

from compiler import ActionSpec, AgentSpec, ApprovalRule, Plan, PlanNode
from tasks.card import Invocation
from tasks.work import NodeWork

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"branch": {"type": "string", "x-editable": True}, "path": {"type": "string"}},
    "additionalProperties": False,
}


@pytest.fixture
async def question(records) -> Any:
    """A gate opened as a flow opens it: bound to the digest of the work on its card."""
    action = ActionSpec(name="fix", input_schema=SCHEMA, output_schema={"type": "object"})
    fixer = AgentSpec(
        name="fixer", type="RULE", version="1.0.0", risk="AUTO", entry_path="agents.fixer", actions={"fix": action}
    )
    await records.register_agent(1, fixer)
    node = PlanNode(
        id="fix",
        agent="fixer",
        agent_type="RULE",
        agent_version="1.0.0",
        entry_path="agents.fixer",
        action="fix",
        risk="APPROVAL_REQUIRED",
        inputs={"branch": "main", "path": "/src"},
        input_schema=SCHEMA,
        output_schema={"type": "object"},
        gate=ApprovalRule(),
    )
    plan = Plan(name="fixing", project_id=1, nodes=(node,))
    await records.save_workflow(plan)
    run = await records.start_run(
        flow_run_id="flow-1", plan_digest=plan.digest, trigger="manual", context={}, triggered_by="Cid"
    )
    agent = (await records.catalogue(1)).agents["fixer"]
    invocation = Invocation(node=node, agent=agent, inputs=node.inputs, network=(), secrets=(), bindings={})
    work = NodeWork(node=node, invocations=(invocation,), each=False)
    card = work.card(upstream={}, deadline=None)
    return await records.open_gate(run_id=run, node_id="fix", digest=work.digest, card=card, rule=ApprovalRule())


async def test_edited_inputs_are_approved_under_a_new_digest_and_the_run_is_woken(ann, question, resumed) -> None:
    shown = (await ann.get(f"/approvals/{question.id}")).json()
    assert shown["editable"] == {"branch": SCHEMA["properties"]["branch"]}
    body = {"decision": "approve", "digest": question.digest, "edits": {"branch": "next"}}
    answer = await ann.post(f"/approvals/{question.id}/decision", json=body)
    assert answer.status_code == 200, answer.text
    decided = answer.json()["approval"]
    assert (decided["status"], decided["respondedBy"]) == ("APPROVED", "Ann")
    assert decided["card"]["inputs"] == {"branch": "next", "path": "/src"}
    assert decided["digest"] != question.digest
    assert resumed == ["flow-1"]
    now = (await ann.get(f"/approvals/{decided['id']}")).json()
    assert (now["editable"], now["successor"], [each["id"] for each in now["earlier"]]) == (
        {},
        None,
        [question.id],
    )
    # What was asked first was not rejected by anybody: it says what stands in its place.
    before = (await ann.get(f"/approvals/{question.id}")).json()
    assert (before["closedAs"], before["superseded"], before["successor"]["id"]) == ("superseded", True, now["id"])


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"edits": {"path": "/etc"}}, 422),
        ({"edits": {"branch": 7}}, 422),
        ({"edits": {"branch": "next"}, "decision": "reject"}, 422),
        ({"edits": {"branch": "next"}, "digest": "sha256:stale"}, 409),
    ],
)
async def test_edits_that_do_not_count_change_nothing(ann, question, records, resumed, change, status) -> None:
    body = {"decision": "approve", "digest": question.digest, **change}
    answer = await ann.post(f"/approvals/{question.id}/decision", json=body)
    assert answer.status_code == status
    assert await records.question(question.id) == question
    assert resumed == []


async def test_another_project_edits_nothing(eve, question, records) -> None:
    body = {"decision": "approve", "digest": question.digest, "edits": {"branch": "next"}}
    assert (await eve.post(f"/approvals/{question.id}/decision", json=body)).status_code == 404
    assert await records.question(question.id) == question
