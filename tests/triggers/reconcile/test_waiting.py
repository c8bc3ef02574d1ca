import asyncio

import pytest
from prefect.client.orchestration import PrefectClient

from compiler import ActionSpec, AgentSpec, ApprovalRule
from records import upgrade
from triggers.ports import DecidedRun
from triggers.reconcile.maintenance import maintenance_hooks
from triggers.reconcile.waiting_runs import TriggerRecords

SCANNER = AgentSpec(
    name="scanner",
    type="SCRIPT",
    version="1.0.0",
    risk="AUTO",
    entry_path="agents.builtin.scanner",
    actions={"scan": ActionSpec(name="scan", input_schema={}, output_schema={})},
)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """The URL of a migrated database without rows."""
    if request.param == "sqlite":
        return request.getfixturevalue("migrated_url")
    url = request.getfixturevalue("postgres_url")
    asyncio.run(upgrade(url))
    return url


@pytest.fixture
async def records(url):
    async with await TriggerRecords.open(url) as records:
        await records.register_agent(1, SCANNER)
        yield records


@pytest.fixture
def ask(records, workflow):
    """Opens the gate of a node in a waiting run."""

    async def ask(flow_run_id, node_id, digest="sha256:1", **rule):
        plan = workflow("audit")
        await records.save_workflow(plan)
        run = await records.start_run(
            flow_run_id=flow_run_id, plan_digest=plan.digest, trigger="manual", context={}
        )
        gate = await records.open_gate(
            run_id=run, node_id=node_id, digest=digest, card={}, rule=ApprovalRule(**rule)
        )
        await records.set_run_status(run, "WAITING_APPROVAL")
        return gate

    return ask


async def decide(records, gate, decision="APPROVED"):
    await records.decide(gate.id, decision=decision, by="Ann", verified=True, channel="cli")


async def test_only_waiting_runs_with_a_settled_gate_are_found(records, ask):
    first, second = await ask("f1", "a"), await ask("f1", "b")
    await ask("f2", "a")
    assert await records.decided_runs() == []
    await decide(records, first)
    assert await records.decided_runs() == [
        DecidedRun(run_id=first.run_id, flow_run_id="f1", settled=frozenset({first.id}))
    ]
    await decide(records, second, "REJECTED")
    (run,) = await records.decided_runs()
    assert run.settled == {first.id, second.id}


async def test_a_question_that_was_replaced_counts_as_settled(records, ask):
    before = await ask("f1", "a")
    await ask("f1", "a", digest="sha256:2")
    (run,) = await records.decided_runs()
    assert run.settled == {before.id}


async def test_a_run_that_goes_on_or_has_ended_is_not_found(records, ask):
    going, ended = await ask("f1", "a"), await ask("f2", "a")
    for gate in (going, ended):
        await decide(records, gate)
    await records.set_run_status(going.run_id, "RUNNING")
    await records.finish_run(ended.run_id, "SUCCESS")
    assert await records.decided_runs() == []


async def test_upkeep_applies_deadlines_and_the_decided_run_is_found(records, ask):
    gate = await ask("f1", "a", deadline_seconds=0)
    async with PrefectClient("http://127.0.0.1:9/api") as nobody:
        for hook in maintenance_hooks(records, nobody):
            if hook.name not in ("ends in Prefect", "clock set back"):  # these ask Prefect
                await hook.run()
    (run,) = await records.decided_runs()
    assert run.settled == {gate.id}
    assert (await records.approval(gate.run_id, "a")).status == "REJECTED"
