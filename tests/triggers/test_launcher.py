import uuid

import pytest
from prefect.client.schemas.filters import FlowFilter, FlowFilterName

from operations.deployment_names import idempotency_key
from operations.errors import PermanentTriggerError, TransientTriggerError
from operations.launcher import Launcher, NotDeployed
from triggers.service import open_client


@pytest.fixture
def plan(workflow):
    return workflow(f"audit-{uuid.uuid4().hex[:8]}")


@pytest.fixture
def start(plan):
    async def start(launcher, key="k", context=None):
        return await launcher.start(
            plan,
            context=context or {"projectId": 1},
            trigger="graph.file.updated",
            triggered_by="event:graph.file.updated",
            idempotency_key=key,
        )

    return start


async def test_a_run_gets_context_trigger_plan_and_who_triggered_it(prefect_client, deploy, plan, start):
    await deploy(plan)
    run = await prefect_client.read_flow_run(uuid.UUID(await start(Launcher(prefect_client))))
    assert run.parameters == {
        "context": {"projectId": 1},
        "trigger": "graph.file.updated",
        "plan": plan.digest,
        "triggered_by": "event:graph.file.updated",
    }
    assert run.state.is_scheduled()


async def test_the_same_key_leads_to_the_same_run(prefect_client, deploy, plan, start):
    await deploy(plan)
    launcher = Launcher(prefect_client)
    assert await start(launcher) == await start(launcher) == await start(Launcher(prefect_client))
    runs = await prefect_client.read_flow_runs(flow_filter=FlowFilter(name=FlowFilterName(any_=[plan.name])))
    assert len(runs) == 1


def test_the_key_tells_streams_messages_and_workflows_apart():
    keys = {idempotency_key(*each) for each in [("s", 1, "a"), ("s", 1, "b"), ("s", 2, "a"), ("t", 1, "a")]}
    assert len(keys) == 4


async def test_a_deployment_that_was_replaced_is_looked_up_again(prefect_client, deploy, plan, start):
    await deploy(plan)
    launcher = Launcher(prefect_client)
    await start(launcher, "one")
    old = await prefect_client.read_deployment_by_name(f"{plan.name}/project-1")
    await prefect_client.delete_deployment(old.id)
    await deploy(plan)
    assert await start(launcher, "two")


async def test_a_workflow_without_deployment_says_how_to_mend_it(prefect_client, start, plan):
    with pytest.raises(NotDeployed, match=rf"'{plan.name}/project-1'.*commandcenter deploy"):
        await start(Launcher(prefect_client))


async def test_parameters_that_prefect_refuses_are_permanent(prefect_client, deploy, plan, start):
    await deploy(plan)
    with pytest.raises(PermanentTriggerError, match="524,288 bytes"):
        await start(Launcher(prefect_client), context={"text": "x" * 600_000})


async def test_a_prefect_that_does_not_answer_is_transient(start):
    async with open_client("http://127.0.0.1:9/api") as client:
        with pytest.raises(TransientTriggerError, match="does not answer"):
            await start(Launcher(client))
