"""A takeover is made of several requests; whatever breaks it off, the next sweep finds the run again."""

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest
from prefect import flow
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import FlowRunPolicy
from prefect.states import Running

from deployments.worker.recovery import TAKEOVERS, Recovery
from deployments.worker.worker_identity import WorkerIdentity

ME, DEAD = WorkerIdentity("worker", "now"), WorkerIdentity("worker", "before")


class Died(Exception):
    """Stands for the end of the process between two requests."""


class Dying(PrefectClient):
    async def set_flow_run_state(self, *_: object, **__: object) -> None:
        raise Died


@flow
async def empty() -> None: ...


@pytest.fixture
async def client(prefect_api: str) -> AsyncIterator[PrefectClient]:
    async with PrefectClient(prefect_api) as client:
        yield client


async def left_behind(client: PrefectClient, pool: str) -> UUID:
    """A run of the pool that a worker was executing when it died."""
    await client.create_work_pool(WorkPoolCreate(name=pool, type="commandcenter"))
    flow_id = await client.create_flow(empty)
    deployment = await client.create_deployment(flow_id, name=pool, work_pool_name=pool)
    run = await client.create_flow_run_from_deployment(deployment, state=Running())
    await client.update_flow_run(run.id, infrastructure_pid=str(DEAD), empirical_policy=FlowRunPolicy())
    return run.id


async def test_a_takeover_that_was_broken_off_is_made_by_the_next_sweep(client: PrefectClient, prefect_api: str):
    pool = f"takeover-{uuid4().hex[:8]}"
    run_id = await left_behind(client, pool)
    async with Dying(prefect_api) as dying:
        with pytest.raises(Died):
            await Recovery(dying, pool=pool, me=ME, in_hand=frozenset).sweep()
    assert (await client.read_flow_run(run_id)).state_name == "Running"

    await Recovery(client, pool=pool, me=ME, in_hand=frozenset).sweep()

    run = await client.read_flow_run(run_id)
    assert run.state_name == "AwaitingRetry"
    assert run.labels[TAKEOVERS] == 2
