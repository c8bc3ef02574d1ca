"""Prefect's own limits and priorities, as every worker keeps them: of pools, of queues and of deployments."""

from __future__ import annotations

import asyncio
from itertools import accumulate, count
from pathlib import Path

import pytest
import pytest_asyncio
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.client.schemas.objects import ConcurrencyLimitStrategy, ConcurrencyOptions
from prefect.states import Cancelling

from deployments.worker.fair_share import WHEN_BUSY

POOL = "with-limits"
_number = count()


@pytest.fixture(scope="module")
def worker(server):
    process = server.start_worker("limits", pool=POOL)
    yield process
    process.terminate()
    process.wait(20)


@pytest_asyncio.fixture
async def start(platform, worker):
    """Starts a run of a deployment of its own, in a queue if one is named."""

    async def start(entrypoint, *, queue=None, **options):
        deployment = await deploy(platform, entrypoint, queue=queue, **options)
        return await platform.client.create_flow_run_from_deployment(deployment)

    return start


async def deploy(platform, entrypoint, *, queue=None, **options):
    return await platform.deploy(entrypoint, pool=POOL, name=f"d{next(_number)}", work_queue_name=queue, **options)


async def cancel(platform, run):
    await platform.client.set_flow_run_state(run.id, Cancelling())
    await platform.until(run, "Cancelled")


async def waits(platform, *runs):
    """Whether none of them is taken, though the worker has had time to. One that waits long is called Late."""
    await asyncio.sleep(0.7)
    return all([(await platform.client.read_flow_run(run.id)).state.is_scheduled() for run in runs])


async def test_a_pool_has_no_more_runs_going_than_its_limit_and_the_queue_of_higher_priority_goes_first(
    platform, start
):
    await platform.client.update_work_pool(POOL, WorkPoolUpdate(concurrency_limit=1))
    await platform.client.create_work_queue("second", work_pool_name=POOL, priority=7)
    await platform.client.create_work_queue("first", work_pool_name=POOL, priority=3)
    try:
        working = await start("sleeping")
        await platform.until(working, "Running")
        low = await start("empty", queue="second")
        high = await start("empty", queue="first")
        assert await waits(platform, low, high)
        await cancel(platform, working)
        low, high = await platform.until(low), await platform.until(high)
        assert (low.state.name, high.state.name) == ("Completed", "Completed")
        assert high.end_time <= low.start_time
    finally:
        await platform.client.update_work_pool(POOL, WorkPoolUpdate(concurrency_limit=None))


async def test_a_queue_has_no_more_runs_going_than_its_limit_and_holds_up_no_other(platform, start):
    await platform.client.create_work_queue("narrow", work_pool_name=POOL, concurrency_limit=1)
    working = await start("sleeping", queue="narrow")
    await platform.until(working, "Running")
    second = await start("empty", queue="narrow")
    elsewhere = await platform.until(await start("empty"))
    assert elsewhere.state.name == "Completed"
    assert await waits(platform, second)
    await cancel(platform, working)
    assert (await platform.until(second)).state.name == "Completed"


@pytest.mark.parametrize(
    ("strategy", "meanwhile"),
    [
        (ConcurrencyLimitStrategy.ENQUEUE, "AwaitingConcurrencySlot"),
        (ConcurrencyLimitStrategy.CANCEL_NEW, "Cancelled"),
    ],
)
async def test_a_deployment_has_no_more_runs_going_than_its_limit(platform, worker, strategy, meanwhile):
    options = ConcurrencyOptions(collision_strategy=strategy)
    sleeping = await deploy(platform, "sleeping", concurrency_limit=1, concurrency_options=options)
    first = await platform.client.create_flow_run_from_deployment(sleeping)
    await platform.until(first, "Running")
    second = await platform.client.create_flow_run_from_deployment(sleeping)
    await platform.until(second, meanwhile)
    await cancel(platform, first)
    if strategy == ConcurrencyLimitStrategy.ENQUEUE:
        await platform.until(second, "Running")
        await cancel(platform, second)


async def test_a_paused_pool_starts_nothing_until_it_goes_on(platform, start):
    await platform.client.update_work_pool(POOL, WorkPoolUpdate(is_paused=True))
    run = await start("empty")
    assert await waits(platform, run)
    await platform.client.update_work_pool(POOL, WorkPoolUpdate(is_paused=False))
    assert (await platform.until(run)).state.name == "Completed"


async def test_a_worker_that_serves_some_queues_leaves_the_others_alone(platform, server, tmp_path):
    pool = "two-queues"
    await platform.client.create_work_pool(WorkPoolCreate(name=pool, type="commandcenter"))
    for queue in ("mine", "not-mine"):
        await platform.client.create_work_queue(queue, work_pool_name=pool)
    options = ("--type", "commandcenter", "--pool", pool, "--name", pool, "--work-queue", "mine")
    process = server.start("prefect", "worker", "start", *options, log=pool, env={"TMPDIR": str(tmp_path)})
    runs = {}
    for queue in ("not-mine", "mine"):
        deployment = await platform.deploy("empty", pool=pool, name=queue, work_queue_name=queue)
        runs[queue] = await platform.client.create_flow_run_from_deployment(deployment)
    assert (await platform.until(runs["mine"])).state.name == "Completed"
    assert await waits(platform, runs["not-mine"])
    process.terminate()
    await asyncio.to_thread(process.wait, 30)


async def test_a_worker_that_is_busy_begins_few_runs_at_a_time_and_one_whose_runs_wait_begins_all(
    platform, worker, tmp_path: Path
):
    log = tmp_path / "log"
    deployment = await deploy(platform, "computing")
    create = platform.client.create_flow_run_from_deployment
    runs = [await create(deployment, parameters={"rounds": 8, "log": str(log)}) for _ in range(12)]
    for run in runs:
        assert (await platform.until(run)).state.name == "Completed"
    side_by_side = max(accumulate(1 if line == "begins" else -1 for line in log.read_text().split()))
    # The first polls come before the worker is seen to be busy.
    assert 2 <= side_by_side <= 4 * WHEN_BUSY
    waiting = await deploy(platform, "sleeping")
    runs = [await create(waiting) for _ in range(12)]
    for run in runs:
        await platform.until(run, "Running")
    for run in runs:
        await cancel(platform, run)
