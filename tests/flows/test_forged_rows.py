"""What a client of the database writes makes no agent run that nobody has approved, from the top and when resumed."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert, update

from compiler.catalogue import ActionSpec, AgentSpec
from compiler.plan import ApprovalRule, Plan
from records.database.payload import dumps
from records.tables import AGENT, PLAN, WORKFLOW, WORKFLOW_RUN

GATE = ApprovalRule()
OPEN: dict[str, Any] = {"type": "object"}


async def write(bench: Any, *statements: Any) -> None:
    async with bench.records._db.write() as connection:
        for statement in statements:
            await connection.execute(statement)
    bench.records._plans.clear()  # as in a worker that has just been started


async def test_a_plan_that_was_put_into_the_database_runs_nothing_and_says_why(bench: Any, node: Any) -> None:
    deployed = await bench.deploy(node("act", gate=GATE))
    own = Plan(name=deployed.name, project_id=1, nodes=(node("act"),))
    content = dumps(own.model_dump(mode="json"))
    forged = {"digest": own.digest, "projectId": 1, "name": own.name, "content": content}
    await write(bench, insert(PLAN).values(**forged), update(WORKFLOW).values(planDigest=own.digest))
    for plan, why in ((own.digest, "was not deployed by this platform"), (None, "deployed last")):
        state = await bench.execute(await bench.start(deployed, plan=plan))
        assert state.is_failed()
        assert why in (state.message or "")
    assert bench.ran() == []
    assert await bench.records.runs() == []


async def test_a_run_that_waits_does_not_go_on_with_an_older_plan_without_a_gate(bench: Any, node: Any) -> None:
    older = await bench.deploy(node("act"))
    deployed = Plan(name=older.name, project_id=1, nodes=(node("act", gate=GATE),))
    await bench.records.save_workflow(deployed)
    flow_run = await bench.start(older, plan=deployed.digest)
    assert (await bench.execute(flow_run)).is_paused()
    await write(bench, update(WORKFLOW_RUN).values(planDigest=older.digest))
    await bench.resume(flow_run)
    state = await bench.execute(flow_run)
    assert state.is_failed()
    assert "is not as it began" in (state.message or "")
    assert bench.ran() == []
    run = await bench.record(flow_run)
    assert (run.status, run.message) == ("FAILED", state.message)


@pytest.mark.parametrize(
    ("granted", "registered"),
    [
        ({}, {"risk": "APPROVAL_REQUIRED"}),
        ({"network": ("hooks.example.org:443",)}, {}),
        ({"secrets": ("TOKEN",)}, {}),
        ({}, None),
    ],
    ids=["more risk", "hosts of other code", "secrets of other code", "changed in the database"],
)
async def test_a_node_without_a_gate_asks_where_its_agent_is_not_what_it_was_when_it_was_deployed(
    bench: Any, node: Any, granted: dict[str, Any], registered: dict[str, Any] | None
) -> None:
    bench.sandbox.answer("act", {})
    made = await bench.deploy(node("act", **granted))
    actions = {"act": ActionSpec(name="act", input_schema=OPEN, output_schema=OPEN)}
    if registered is None:
        await write(bench, update(AGENT).values(entryPath="y"))
    else:
        fields: dict[str, Any] = {
            "type": "SCRIPT",
            "version": "2.0.0",
            "risk": "AUTO",
            "entry_path": "x",
        } | registered
        await bench.records.register_agent(1, AgentSpec(name="worker-bee", actions=actions, **fields))
    flow_run = await bench.start(made)
    assert (await bench.execute(flow_run)).is_paused()
    assert bench.ran() == []
    run = await bench.record(flow_run)
    decision = await bench.records.decide(
        (run.id, "act"), decision="APPROVED", by="ann", verified=True, channel="api"
    )
    assert decision.applied
    await bench.resume(flow_run)
    assert (await bench.execute(flow_run)).is_completed()
    assert bench.ran() == ["act"]
