import asyncio
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId, TaskRunFilter, TaskRunFilterFlowRunId
from prefect.states import Cancelling
from prefect.workers.base import BaseWorker

from deployments.worker.recovery import MAX_TAKEOVERS, TAKEOVERS
from deployments.worker.worker import CommandCenterWorker
from deployments.worker.worker_identity import WorkerIdentity
from records.database.ids import id_of_flow_run

pytestmark = pytest.mark.usefixtures("worker")


def is_alive(pid: int) -> bool:
    """Whether the process still does anything; a zombie does not."""
    with suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


async def eventually(condition, *, seconds: float = 60):
    deadline = time.monotonic() + seconds
    while not (found := await condition()):
        assert time.monotonic() < deadline, f"{condition.__name__} did not come true within {seconds} s"
        await asyncio.sleep(0.05)
    return found


def read_pids(file: Path) -> list[int]:
    text = file.read_text() if file.exists() else ""
    return [int(line) for line in text.splitlines()] if text.count("\n") == 2 else []


async def pids(file: Path) -> list[int]:
    """The process ids of the flow's child and of its worker, once the flow has written them."""

    async def pids_written():
        return await asyncio.to_thread(read_pids, file)

    return await eventually(pids_written)


async def test_a_run_completes_well_under_a_second_after_its_creation(platform):
    await platform.until(await platform.start("empty"))
    deployment_id = await platform.deploy("empty")
    seconds = []
    for _ in range(5):
        began = time.monotonic()
        created = await platform.client.create_flow_run_from_deployment(deployment_id)
        run = await platform.until(created)
        seconds.append(time.monotonic() - began)
        assert run.state.name == "Completed"
    # The stock worker's best is a multiple of this, even where the machine has nothing else to do.
    assert min(seconds) < 1


async def test_runs_have_logs_and_task_runs_as_with_any_worker(platform):
    run = await platform.until(await platform.start("doubling", value=21))
    assert run.state.name == "Completed"

    async def logged():
        logs = await platform.client.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run.id])))
        return any(log.message == "doubling 21" for log in logs)

    async def task_recorded():
        tasks = await platform.client.read_task_runs(
            task_run_filter=TaskRunFilter(flow_run_id=TaskRunFilterFlowRunId(any_=[run.id]))
        )
        return [task.state_name for task in tasks] == ["Completed"]

    await eventually(logged)
    await eventually(task_recorded)


async def test_a_run_names_the_process_that_executes_it(platform):
    run = await platform.until(await platform.start("empty"))
    assert WorkerIdentity.parse(run.infrastructure_pid).worker == "main"


async def test_a_run_has_a_telling_name_and_its_tag_and_a_given_name_stays(platform):
    deployment_id = await platform.deploy("empty")
    run = await platform.until(await platform.client.create_flow_run_from_deployment(deployment_id))
    on_record = id_of_flow_run(str(run.id))
    assert run.name == f"empty {on_record[:8]}"
    assert f"run:{on_record}" in run.tags
    named = await platform.client.create_flow_run_from_deployment(deployment_id, name="mine-alone")
    assert (await platform.until(named)).name == "mine-alone"


@pytest.mark.parametrize(
    ("flow", "state", "message"),
    [
        ("failing", "Failed", "this flow always fails"),
        ("exiting", "Crashed", "exit"),
        ("synchronous", "Crashed", "'synchronous' of deployment 'commandcenter' is not an asynchronous function"),
        ("missing", "Crashed", "'sample_flows.missing' of deployment 'commandcenter' could not be loaded"),
    ],
)
async def test_a_bad_flow_ends_with_its_reason_and_the_worker_goes_on(platform, worker, flow, state, message):
    run = await platform.until(await platform.start(flow))
    assert run.state.name == state
    assert message in run.state.message
    after = await platform.until(await platform.start("empty"))
    assert after.state.name == "Completed"
    assert worker.poll() is None


async def test_no_other_module_is_imported_whatever_entrypoint_somebody_gives_a_deployment(
    platform, server, worker
):
    deployment = await platform.deploy("s", module="this", name="elsewhere")
    run = await platform.until(await platform.client.create_flow_run_from_deployment(deployment))
    assert run.state.name == "Crashed"
    assert "'this.s', and this worker executes workflows only" in run.state.message
    assert worker.poll() is None
    assert (
        "Zen of Python" not in (server.folder / "main.log").read_text()
    )  # what the module says when it is imported


async def test_parameters_that_the_flow_does_not_take_are_named(platform):
    run = await platform.until(await platform.start("doubling", valeu=1))
    assert run.state.name in ("Crashed", "Failed")
    assert "valeu" in run.state.message


async def test_cancelling_kills_the_processes_of_the_run_within_five_seconds(platform, tmp_path):
    run = await platform.start("sleeping", pid_file=str(tmp_path / "pids"))
    child, _ = await pids(tmp_path / "pids")
    began = time.monotonic()
    await platform.client.set_flow_run_state(run.id, Cancelling())
    ended = await platform.until(run, "Cancelled", seconds=5)
    assert time.monotonic() - began < 5
    assert ended.state.type.value == "CANCELLED"
    assert not is_alive(child)


async def test_a_suspended_run_holds_nothing_and_goes_on_when_it_is_resumed(platform, worker, tmp_path):
    answer = tmp_path / "answer"
    run = await platform.start("asking", answer_file=str(answer))
    await platform.until(run, "Suspended")
    assert not answer.exists()
    began = time.monotonic()
    await platform.resume(run, "yes")
    ended = await platform.until(run)
    assert ended.state.name == "Completed"
    assert time.monotonic() - began < 5
    assert answer.read_text() == "yes"


async def test_a_worker_takes_no_more_runs_than_its_limit_allows(platform, server, tmp_path):
    worker = server.start_worker("limited", "--limit", "1", pool="limited")
    first = await platform.start("sleeping", pool="limited", seconds=60, pid_file=str(tmp_path / "first"))
    await pids(tmp_path / "first")
    second = await platform.start("empty", pool="limited")
    await asyncio.sleep(1)
    assert (await platform.client.read_flow_run(second.id)).state.name == "Scheduled"
    await platform.client.set_flow_run_state(first.id, Cancelling())
    assert (await platform.until(second)).state.name == "Completed"
    worker.terminate()


async def test_a_worker_that_stops_hands_its_runs_to_another(platform, server, tmp_path):
    first = server.start_worker("stops", pool="handover")
    run = await platform.start("sleeping", pool="handover", seconds=3, pid_file=str(tmp_path / "pids"))
    child, _ = await pids(tmp_path / "pids")
    (tmp_path / "pids").unlink()
    first.terminate()
    assert first.wait(15) == 0
    waiting = await platform.client.read_flow_run(run.id)
    assert waiting.state.name == "AwaitingRetry"
    assert "'stops'" in waiting.state.message
    assert not is_alive(child)
    second = server.start_worker("goes-on", pool="handover")
    ended = await platform.until(run)
    assert ended.state.name == "Completed"
    assert WorkerIdentity.parse(ended.infrastructure_pid).worker == "goes-on"
    assert TAKEOVERS not in ended.labels
    second.terminate()


async def test_a_worker_that_was_killed_takes_its_runs_up_again_until_the_limit(platform, server, tmp_path):
    async def kill(worker) -> None:
        child, worker_pid = await pids(tmp_path / "pids")
        (tmp_path / "pids").unlink()
        os.kill(worker_pid, signal.SIGKILL)
        os.kill(child, signal.SIGKILL)
        await asyncio.to_thread(worker.wait)

    first = server.start_worker("mortal", pool="mortal")
    run = await platform.start("sleeping", pool="mortal", pid_file=str(tmp_path / "pids"))
    await kill(first)
    second = server.start_worker("mortal", pool="mortal")
    await pids(tmp_path / "pids")
    again = await platform.until(run, "Running")
    assert (again.labels[TAKEOVERS], again.run_count) == (1, 2)
    await platform.client.update_flow_run_labels(run.id, {TAKEOVERS: MAX_TAKEOVERS})
    await kill(second)
    third = server.start_worker("mortal", pool="mortal")
    ended = await platform.until(run)
    assert ended.state.name == "Failed"
    assert "3 takeovers" in ended.state.message
    third.terminate()


async def test_runs_of_a_living_worker_are_not_stolen(platform, server, tmp_path):
    first = server.start_worker("lives", pool="shared")
    run = await platform.start("sleeping", pool="shared", seconds=7, pid_file=str(tmp_path / "pids"))
    await pids(tmp_path / "pids")
    second = server.start_worker("also-lives", pool="shared")
    ended = await platform.until(run)
    assert ended.state.name == "Completed"
    assert ended.run_count == 1
    first.terminate()
    second.terminate()


def test_prefect_finds_the_worker_type_and_accepts_its_pool_template():
    assert BaseWorker.get_worker_class_from_type("commandcenter") is CommandCenterWorker
    template = CommandCenterWorker.get_default_base_job_template()
    WorkPoolCreate(name="pool", type="commandcenter", base_job_template=template)


@pytest.mark.parametrize("sigint", [signal.SIG_DFL, signal.SIG_IGN], ids=["in front", "behind &"])
async def test_prefects_command_line_starts_and_stops_the_worker(platform, server, tmp_path, sigint):
    pool = f"cli-{sigint.name}"
    await platform.client.create_work_pool(WorkPoolCreate(name=pool, type="commandcenter"))
    options = ("--type", "commandcenter", "--pool", pool, "--name", "cli")
    started = server.start("prefect", "worker", "start", *options, log="cli", sigint=sigint)
    run = await platform.start("sleeping", pool=pool, pid_file=str(tmp_path / "pids"))
    child, _ = await pids(tmp_path / "pids")
    started.terminate()
    await asyncio.to_thread(started.wait, 60)
    assert (await platform.client.read_flow_run(run.id)).state.name == "AwaitingRetry"
    assert not is_alive(child)
