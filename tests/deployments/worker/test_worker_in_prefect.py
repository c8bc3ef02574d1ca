"""The worker as Prefect and its users see it: one process for many runs, alive, and told of truly."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.client.schemas.objects import FlowRun
from prefect.states import Pending

from deployments.worker.recovery import TAKEOVERS
from deployments.worker.worker import CommandCenterWorker
from deployments.worker.worker_identity import WorkerIdentity


@pytest.fixture(scope="module", autouse=True)
def left_unsigned(server, worker) -> FlowRun:
    """A run that a worker has claimed and then died, before it could sign; early, as it takes a while to be found."""

    async def leave() -> FlowRun:
        async with PrefectClient(server.url) as client:
            flow_id = await client.create_flow_from_name("empty")
            deployment = await client.create_deployment(
                flow_id=flow_id,
                name="unsigned",
                entrypoint="sample_flows.empty",
                work_pool_name="commandcenter",
                # Nobody else is to be quicker with the claim.
                paused=True,
            )
            run = await client.create_flow_run_from_deployment(deployment, state=Pending())
            return await client.read_flow_run(run.id)

    return asyncio.run(leave())


async def test_runs_go_on_side_by_side_in_one_process_on_one_client_with_the_flow_loaded_once(
    platform, worker, tmp_path
):
    file, guests = tmp_path / "guests", 5
    runs = [await platform.start("meeting", file=str(file), guests=guests) for _ in range(guests)]
    for run in runs:
        assert (await platform.until(run)).state.name == "Completed"
    (common,) = set(file.read_text().splitlines())
    assert common.startswith(f"{worker.pid} ")


async def test_artifacts_of_a_run_are_there_as_with_any_worker(platform):
    run = await platform.until(await platform.start("presenting"))
    assert run.state.name == "Completed"
    wanted = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run.id]))
    (artifact,) = await platform.client.read_artifacts(artifact_filter=wanted)
    assert (artifact.key, artifact.data) == ("what-was-found", "# Found")


def held_by(pid: int) -> tuple[int, int, int]:
    """Threads, children and open sockets of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    threads = int(status.partition("Threads:")[2].split()[0])
    children = [
        each for task in Path(f"/proc/{pid}/task").iterdir() for each in (task / "children").read_text().split()
    ]
    sockets = 0
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            sockets += str(each.readlink()).startswith("socket:")
    return threads, len(children), sockets


def grown_since(before: tuple[int, int, int], pid: int) -> list[int]:
    """How much more of each it has now."""
    return [now - then for now, then in zip(held_by(pid), before, strict=True)]


async def test_suspended_runs_hold_no_process_no_thread_and_no_connection(platform, worker, tmp_path):
    async def suspend(count: int) -> list[FlowRun]:
        runs = [await platform.start("asking", answer_file=str(tmp_path / "answer")) for _ in range(count)]
        return [await platform.until(run, "Suspended") for run in runs]

    runs = await suspend(3)  # what the first few open stays open for the next
    await asyncio.sleep(0.5)
    before = await asyncio.to_thread(held_by, worker.pid)
    runs += await suspend(12)
    # The more were busy at once, the more connections of the pool take a while to be closed.
    deadline = time.monotonic() + 60
    while max(grown := await asyncio.to_thread(grown_since, before, worker.pid)) > 2:
        assert time.monotonic() < deadline, f"threads, processes, connections: {grown}"
        await asyncio.sleep(0.5)
    assert grown[1] == 0, "processes"
    for run in runs:
        await platform.client.delete_flow_run(run.id)


def inspect(server, pool: str) -> dict:
    """What `prefect work-pool inspect` says."""
    command = [sys.executable, "-m", "prefect", "work-pool", "inspect", pool, "--output", "json"]
    done = subprocess.run(command, env=server.env, capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout)


async def test_prefect_work_pool_inspect_tells_whether_a_worker_is_there_and_heartbeats_tell_that_it_lives(
    platform, server, tmp_path
):
    pool = "inspected"

    async def the_worker():
        (found,) = await platform.client.read_workers_for_work_pool(pool)
        return found

    async def until(condition) -> None:
        deadline = time.monotonic() + 30
        while not await condition():
            assert time.monotonic() < deadline, condition.__name__
            await asyncio.sleep(0.1)

    options = ("--type", "commandcenter", "--pool", pool, "--name", pool)
    env = {"PREFECT_WORKER_HEARTBEAT_SECONDS": "1", "TMPDIR": str(tmp_path)}
    process = server.start("prefect", "worker", "start", *options, log=pool, env=env)

    async def the_pool_is_there() -> bool:
        return bool([each for each in await platform.client.read_work_pools() if each.name == pool])

    await until(the_pool_is_there)  # made by the worker, from its own template

    async def the_pool_is_ready() -> bool:
        return (await platform.client.read_work_pool(pool)).status.value == "READY"

    await until(the_pool_is_ready)
    told = await asyncio.to_thread(inspect, server, pool)
    assert (told["name"], told["type"], told["status"], told["is_paused"]) == (
        pool,
        "commandcenter",
        "READY",
        False,
    )
    assert told["base_job_template"] == CommandCenterWorker.get_default_base_job_template()
    first = (await the_worker()).last_heartbeat_time

    async def another_heartbeat_has_come() -> bool:
        return (await the_worker()).last_heartbeat_time > first

    await until(another_heartbeat_has_come)
    assert (await the_worker()).status.value == "ONLINE"
    process.send_signal(signal.SIGKILL)
    await asyncio.to_thread(process.wait)

    async def the_pool_is_not_ready() -> bool:
        return (await platform.client.read_work_pool(pool)).status.value == "NOT_READY"

    await until(the_pool_is_not_ready)
    assert (await the_worker()).status.value == "OFFLINE"
    assert (await asyncio.to_thread(inspect, server, pool))["status"] == "NOT_READY"


async def test_a_run_claimed_by_a_worker_that_died_before_it_signed_is_taken_up(platform, left_unsigned):
    assert (left_unsigned.state.name, left_unsigned.infrastructure_pid) == ("Pending", None)
    run = await platform.until(left_unsigned)
    assert run.state.name == "Completed"
    assert run.labels[TAKEOVERS] == 1
    assert WorkerIdentity.parse(run.infrastructure_pid).worker == "main"
