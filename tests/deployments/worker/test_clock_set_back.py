"""A real server whose clock is an hour ahead of ours now: what was to begin at once does not wait for that hour."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prefect import flow
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import StateDetails, StateType
from prefect.client.schemas.responses import SetStateStatus
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import AwaitingConcurrencySlot, Pending, Running, Scheduled

from deployments.worker.run_client import RunClient
from triggers.reconcile.clock_set_back import ClockSetBack

HOUR = timedelta(hours=1)

pytestmark = pytest.mark.server


@flow
def nothing() -> None:
    """Never executed."""


@pytest.fixture
async def client(prefect_api: str) -> Any:
    with temporary_settings({PREFECT_API_URL: prefect_api}):
        async with RunClient(owner="worker@now") as client:
            yield client


def waiting(time_left: timedelta) -> StateDetails:
    due = (datetime.now(UTC) + time_left).isoformat()
    return StateDetails.model_validate({"scheduled_time": due, "run_input_keyset": {"kept": "yes"}})


async def due(client: PrefectClient, run: Any) -> datetime:
    state = (await client.read_flow_run(run.id)).state
    assert state is not None
    assert state.state_details.scheduled_time is not None
    return state.state_details.scheduled_time


async def test_a_run_that_was_claimed_before_begins_and_keeps_what_its_state_held(client: RunClient) -> None:
    run = await client.create_flow_run(nothing, state=Scheduled())
    details = waiting(HOUR)
    await client.set_flow_run_state(run.id, Pending(state_details=details))
    answer = await client.set_flow_run_state(run.id, Running())
    assert answer.status == SetStateStatus.ACCEPT
    pending = [each for each in await client.read_flow_run_states(run.id) if each.type == StateType.PENDING]
    assert [each.state_details.run_input_keyset for each in pending] == [{"kept": "yes"}] * 2


async def test_a_run_that_is_claimed_a_little_early_waits(client: RunClient) -> None:
    run = await client.create_flow_run(nothing, state=Scheduled())
    details = waiting(timedelta(seconds=20))
    await client.set_flow_run_state(run.id, Pending(state_details=details))
    assert (await client.set_flow_run_state(run.id, Running())).status == SetStateStatus.WAIT


async def test_runs_that_were_due_are_due_by_the_clock_as_it_is_now(client: RunClient) -> None:
    # The server made these by a clock that is an hour ahead of the one that the reconciler has now.
    now = datetime.now(UTC)
    at_once = await client.create_flow_run(nothing, state=Scheduled(scheduled_time=now))
    queued = await client.create_flow_run(
        nothing, state=AwaitingConcurrencySlot(scheduled_time=now + timedelta(seconds=60))
    )
    at_eight = await client.create_flow_run(nothing, state=Scheduled(scheduled_time=now + 8 * HOUR))
    assert await ClockSetBack(client=client, clock=lambda: time.time() - 3_600)() >= 2
    assert await due(client, at_once) < now - HOUR + timedelta(minutes=5)
    waits = await due(client, queued)
    assert now - HOUR + timedelta(seconds=50) < waits < now - HOUR + timedelta(minutes=6)
    state = (await client.read_flow_run(queued.id)).state
    assert state is not None
    assert state.name == "AwaitingConcurrencySlot"
    assert await due(client, at_eight) > now + 7 * HOUR


async def test_a_clock_that_goes_on_moves_nothing_and_one_that_is_set_back_is_seen(client: RunClient) -> None:
    wall = [time.time()]
    hook = ClockSetBack(client=client, clock=lambda: wall[0])
    await hook()
    run = await client.create_flow_run(nothing, state=Scheduled(scheduled_time=datetime.now(UTC)))
    before = await due(client, run)
    assert await hook() == 0
    wall[0] -= 3_600
    assert await hook() >= 1
    assert await due(client, run) < before - HOUR + timedelta(minutes=5)
