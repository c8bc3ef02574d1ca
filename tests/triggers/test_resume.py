import asyncio
import json
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from prefect.client.schemas.objects import StateType
from prefect.input.run_input import keyset_from_paused_state
from prefect.states import Running, Suspended

from triggers.faults import Transient
from triggers.launcher import Launcher
from triggers.memory import MemoryRecords
from triggers.ports import DecidedRun
from triggers.resume import ResumeDecided, resume
from triggers.service import open_client

FORM = {
    "type": "object",
    "title": "Gates",
    "properties": {"decision": {"type": "string", "enum": ["", "approve", "reject"], "default": ""}},
}


@pytest.fixture
def suspend(prefect_client):
    """Suspends a run as `suspend_flow_run(wait_for_input=...)` does: first the state, then the form."""

    async def suspend(run_id, form_after=0.0):
        state = Suspended(timeout_seconds=3600, pause_key=uuid.uuid4().hex)
        keys = keyset_from_paused_state(state)
        state.state_details.run_input_keyset = keys
        await prefect_client.set_flow_run_state(run_id, state)
        await asyncio.sleep(form_after)
        await prefect_client.create_flow_run_input(run_id, keys["schema"], json.dumps(FORM))

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
        with pytest.raises(Transient, match="cannot resume"):
            await resume(client, str(uuid.uuid4()))


def decided(run_id, *ids, at):
    return DecidedRun(run_id="r1", flow_run_id=str(run_id), decided=frozenset(ids), last_decision=at)


async def test_a_decision_whose_resume_was_lost_is_found(prefect_client, suspend, run_id):
    records = MemoryRecords()
    hook = ResumeDecided(client=prefect_client, records=records)
    await suspend(run_id)
    assert await hook() == 0
    records.waiting.append(decided(run_id, "a1", at=datetime.now(UTC)))
    assert await hook() == 1
    assert (await state_of(prefect_client, run_id)).name == "Resuming"
    assert await hook() == 0


async def test_a_decision_just_before_the_suspension_is_found_too_but_wakes_the_run_once(
    prefect_client, suspend, run_id
):
    moment = datetime.now(UTC)
    await suspend(run_id)
    records = MemoryRecords(waiting=[decided(run_id, "a1", at=moment)])
    hook = ResumeDecided(client=prefect_client, records=records)
    assert await hook() == 1
    # It waits again, for another gate: the same decision is no reason to wake it again.
    await prefect_client.set_flow_run_state(run_id, Running(), force=True)
    await suspend(run_id)
    assert await hook() == 0
    records.waiting[:] = [decided(run_id, "a1", "a2", at=datetime.now(UTC))]
    assert await hook() == 1


async def test_a_decision_that_the_run_has_seen_long_ago_does_not_wake_it(prefect_client, suspend, run_id):
    await suspend(run_id)
    old = datetime.now(UTC) - timedelta(minutes=5)
    hook = ResumeDecided(client=prefect_client, records=MemoryRecords(waiting=[decided(run_id, "a1", at=old)]))
    assert await hook() == 0
    assert (await state_of(prefect_client, run_id)).type == StateType.PAUSED
