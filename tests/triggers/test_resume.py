import asyncio
import json
import uuid
from collections import defaultdict

import pytest
from prefect.client.schemas.objects import StateType
from prefect.input.run_input import keyset_from_paused_state
from prefect.states import Running, Suspended

from flows.form import OpenGate, form
from operations.errors import TransientTriggerError
from operations.launcher import Launcher
from triggers.in_memory import MemoryRecords
from triggers.ports import DecidedRun
from triggers.reconcile.resume import ResumeDecided, asks, resume
from triggers.service import open_client

CHOICE = {"type": "string", "enum": ["wait", "approve", "reject"], "default": "wait"}


@pytest.fixture
def suspend(prefect_client):
    """Suspends a run as `suspend_flow_run(wait_for_input=...)` does: first the state, then the form."""

    async def suspend(run_id, form_after=0.0, gates=("a1",)):
        state = Suspended(timeout_seconds=3600, pause_key=uuid.uuid4().hex)
        keys = keyset_from_paused_state(state)
        state.state_details.run_input_keyset = keys
        await prefect_client.set_flow_run_state(run_id, state)
        await asyncio.sleep(form_after)
        form = {"type": "object", "properties": {f"decision_{gate}": CHOICE for gate in gates}}
        await prefect_client.create_flow_run_input(run_id, keys["schema"], json.dumps(form))

    return suspend


@pytest.fixture
async def run_id(prefect_client, deploy, workflow):
    plan = workflow(f"gated-{uuid.uuid4().hex[:8]}")
    await deploy(plan)
    run = await Launcher(prefect_client).start(
        plan, context={}, trigger="t", triggered_by="someone", idempotency_key=None
    )
    await prefect_client.set_flow_run_state(uuid.UUID(run), Running())
    return uuid.UUID(run)


async def state_of(client, run_id):
    return (await client.read_flow_run(run_id)).state


async def test_a_suspended_run_goes_on_and_only_once(prefect_client, suspend, run_id):
    await suspend(run_id)
    assert await resume(prefect_client, str(run_id)) == "resumed"
    state = await state_of(prefect_client, run_id)
    assert (state.type, state.name) == (StateType.SCHEDULED, "Resuming")
    assert await resume(prefect_client, str(run_id)) == "not waiting"


async def test_a_resume_that_is_quicker_than_the_form_waits_for_it(prefect_client, suspend, run_id, eventually):
    suspending = asyncio.create_task(suspend(run_id, form_after=0.3))

    async def paused():
        return (await state_of(prefect_client, run_id)).type == StateType.PAUSED

    await eventually(paused)
    assert await resume(prefect_client, str(run_id)) == "resumed"
    await suspending


async def test_a_run_that_works_or_is_not_there_is_left_alone(prefect_client, run_id):
    assert await resume(prefect_client, str(run_id)) == "not waiting"
    assert (await state_of(prefect_client, run_id)).type == StateType.RUNNING
    assert await resume(prefect_client, str(uuid.uuid4())) == "unknown run"


async def test_no_prefect_is_said_so():
    async with open_client("http://127.0.0.1:9/api") as client:
        with pytest.raises(TransientTriggerError, match="cannot resume"):
            await resume(client, str(uuid.uuid4()))


@pytest.fixture
def records():
    return MemoryRecords()


@pytest.fixture
def hook(prefect_client, records):
    return ResumeDecided(client=prefect_client, records=records)


@pytest.fixture
def settle(records, run_id):
    """Says which approvals of the run are settled."""

    def settle(*ids):
        records.waiting[:] = [DecidedRun(run_id="r1", flow_run_id=str(run_id), settled=frozenset(ids))]

    return settle


@pytest.fixture
def suspend_again(prefect_client, suspend, run_id):
    async def suspend_again(*gates):
        await prefect_client.set_flow_run_state(run_id, Running(), force=True)
        await suspend(run_id, gates=gates)

    return suspend_again


async def test_a_decision_whose_resume_was_lost_is_found(prefect_client, suspend, run_id, hook, settle):
    await suspend(run_id, gates=["a1"])
    assert await hook() == 0
    settle("a1")
    assert await hook() == 1
    assert (await state_of(prefect_client, run_id)).name == "Resuming"
    assert await hook() == 0


async def test_a_run_that_asks_only_what_is_open_is_left_alone(
    prefect_client, suspend, run_id, hook, settle, suspend_again
):
    settle("a1")
    assert await hook() == 0
    await suspend(run_id, gates=["a1", "a2"])
    assert await hook() == 1
    await suspend_again("a2")
    for fresh in (hook, ResumeDecided(client=prefect_client, records=hook.records)):
        assert await fresh() == 0
    settle("a1", "a2")
    assert await hook() == 1


async def test_a_run_whose_form_is_not_there_yet_is_looked_at_again(
    prefect_client, suspend, run_id, hook, settle, eventually
):
    settle("a1")
    suspending = asyncio.create_task(suspend(run_id, form_after=0.3, gates=["a1"]))

    async def woken():
        return await hook() == 1

    await eventually(woken)
    await suspending
    assert (await state_of(prefect_client, run_id)).name == "Resuming"


def test_the_form_of_the_flows_names_the_approvals_it_asks_for():
    fields = form([OpenGate(approval_id="a1", node_id="fix", card=defaultdict(dict))]).model_json_schema()[
        "properties"
    ]
    assert asks(fields, {"a1"})
    assert not asks(fields, {"a2"})
