"""Two workers with nothing in common but Prefect and the records: what one has done the other knows."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import DeploymentUpdate, WorkPoolCreate
from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId
from prefect.client.schemas.objects import FlowRun, WorkerStatus
from prefect.states import Cancelling, Suspended

from agents.sandbox.bubblewrap.sandbox import BubblewrapSandbox
from compiler.plan import Plan
from deployments.publishing.compile_files import compile_files
from deployments.publishing.deploy import PrefectPublisher, ensure_work_pool
from deployments.publishing.registration import register_folder
from deployments.worker.worker import CommandCenterWorker
from deployments.worker.worker_identity import WorkerIdentity
from records import Records, upgrade
from triggers.reconcile.ended_runs import EndedRuns

AGENT = Path(__file__).parent / "agents" / "patient"
WORKFLOWS = (
    """\
name: {pool}-steps
nodes:
  - {{id: first, agent: patient, action: linger}}
  - {{id: slow, agent: patient, action: linger, dependsOn: [first], inputs: {{seconds: "{{{{ context.seconds }}}}"}}}}
  - {{id: last, agent: patient, action: linger, dependsOn: [slow]}}
""",
    """\
name: {pool}-stubborn
nodes:
  - {{id: dig-in, agent: patient, action: dig-in, inputs: {{mark: "{{{{ context.mark }}}}"}}}}
""",
)
POOL = "two-workers"


@dataclass
class Site:
    """One database, one Prefect, and workers that each have a state folder of their own."""

    api: str
    database: str
    folder: Path
    workers: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(
        self, name: str, *, kind: str = CommandCenterWorker.type, pool: str = POOL
    ) -> subprocess.Popen[bytes]:
        """A worker as people start one, with quick heartbeats."""
        env = {
            **{
                key: value
                for key, value in os.environ.items()
                if not key.startswith(("PREFECT_", "COMMANDCENTER_"))
            },
            "PREFECT_API_URL": self.api,
            "PREFECT_HOME": str(self.folder / name / "prefect"),
            "PREFECT_WORKER_HEARTBEAT_SECONDS": "1",
            "DATABASE_URL": self.database,
            "COMMANDCENTER_STATE": str(self.folder / name / "state"),
            # One for all that share the records: what is signed by one part is read by another.
            "COMMANDCENTER_SIGNING_KEY_FILE": os.environ["COMMANDCENTER_SIGNING_KEY_FILE"],
            "TMPDIR": str(self.folder / name),
        }
        (self.folder / name).mkdir(exist_ok=True)
        command = [
            sys.executable,
            "-m",
            "prefect",
            "worker",
            "start",
            "--type",
            kind,
            "--pool",
            pool,
            "--name",
            name,
        ]
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [*command], env=env, stdout=log, stderr=log, cwd=self.folder, preexec_fn=_heed_interrupts
            )
        self.workers[name] = process
        return process

    def stop(self) -> None:
        for process in self.workers.values():
            for number in (signal.SIGCONT, signal.SIGTERM):
                process.send_signal(number)
        for process in self.workers.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()
            process.wait()


def _heed_interrupts() -> None:
    """Prefect's command line stops a worker by SIGINT, which is ignored below a shell's `&`."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@dataclass(frozen=True)
class Bench:
    """What a test does at the site."""

    site: Site
    client: PrefectClient
    records: Records

    async def start(self, workflow: str, **context: Any) -> FlowRun:
        deployment = await self.client.read_deployment_by_name(f"{POOL}-{workflow}/project-1")
        return await self.client.create_flow_run_from_deployment(deployment.id, parameters={"context": context})

    async def until(self, what: Callable[[], Awaitable[Any]], *, seconds: float = 60) -> Any:
        deadline = time.monotonic() + seconds
        while not (found := await what()):
            assert time.monotonic() < deadline, f"{what.__name__} did not come true: {self.logs()}"
            await asyncio.sleep(0.1)
        return found

    async def ended(self, run: FlowRun) -> FlowRun:
        async def the_run_has_ended() -> FlowRun | None:
            now = await self.client.read_flow_run(run.id)
            return now if now.state is not None and now.state.is_final() else None

        return await self.until(the_run_has_ended)

    async def works_at(self, run: FlowRun, node: str) -> str:
        """The worker that executes the run, once that node's agent is at work."""

        async def the_node_runs() -> bool:
            record = await self.records.run_of_flow_run(str(run.id))
            running = [] if record is None else await self.records.agent_runs(record.id)
            return any(each.node_id == node and each.status == "RUNNING" for each in running)

        await self.until(the_node_runs)
        owner = WorkerIdentity.parse((await self.client.read_flow_run(run.id)).infrastructure_pid)
        assert owner is not None
        return owner.worker

    async def online(self, *names: str) -> None:
        async def they_are_online() -> bool:
            workers = await self.client.read_workers_for_work_pool(POOL)
            return set(names) <= {each.name for each in workers if each.status == WorkerStatus.ONLINE}

        await self.until(they_are_online)

    async def on_record(self, run: FlowRun) -> Any:
        """All that the records and Prefect have of the run."""
        record = await self.records.run_of_flow_run(str(run.id))
        assert record is not None
        state = (await self.client.read_flow_run(run.id)).state
        events = [each for each in await self.records.pending_events(1_000) if record.id in str(each.payload)]
        agent_runs = await self.records.agent_runs(record.id)
        return record, state, agent_runs, await self.records.node_results(record.id), events

    def logs(self) -> str:
        return "\n".join((self.site.folder / f"{name}.log").read_text()[-2_000:] for name in self.site.workers)


@pytest.fixture(scope="module")
def site(prefect_api: str, postgres_server: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Two workers at work, and two workflows deployed to their pool."""
    database = postgres_server.create()
    made = Site(
        api=prefect_api, database=postgres_server.url(database), folder=tmp_path_factory.mktemp("two-workers")
    )
    try:
        asyncio.run(_deploy(made))
        for name in ("a", "b"):
            made.start(name)
        yield made
    finally:
        made.stop()
        postgres_server.drop(database)


async def _deploy(site: Site) -> None:
    await upgrade(site.database)
    sandbox = BubblewrapSandbox()
    async with await Records.open(site.database) as records, PrefectClient(site.api) as client:
        await register_folder(AGENT, records=records, sandbox=sandbox, project_id=1)
        for number, text in enumerate(WORKFLOWS):
            (site.folder / f"{number}.yaml").write_text(text.format(pool=POOL))
        files = sorted(site.folder.glob("*.yaml"))
        plans: tuple[Plan, ...] = compile_files(files, await records.catalogue(1), project_id=1).plans
        await ensure_work_pool(client, "commandcenter")
        template = CommandCenterWorker.get_default_base_job_template()
        await client.create_work_pool(
            WorkPoolCreate(name=POOL, type=CommandCenterWorker.type, base_job_template=template)
        )
        for plan in plans:
            await records.save_workflow(plan)
            made = await PrefectPublisher(client, "commandcenter").publish(plan)
            await _move(client, made.deployment, POOL)
    await sandbox.close()


async def _move(client: PrefectClient, deployment: str, pool: str) -> None:
    """Let another work pool serve the deployment; nothing else of it changes."""
    found = await client.read_deployment_by_name(deployment)
    await client.update_deployment(found.id, DeploymentUpdate(work_pool_name=pool))


@pytest_asyncio.fixture
async def bench(site: Site) -> AsyncIterator[Bench]:
    async with await Records.open(site.database) as records, PrefectClient(site.api) as client:
        made = Bench(site=site, client=client, records=records)
        await made.online("a", "b")
        yield made


async def tokens(bench: Bench, run: FlowRun) -> dict[str, list[str | None]]:
    """Node -> the token of each time its agent was run; None for a time that gave none."""
    record = await bench.records.run_of_flow_run(str(run.id))
    assert record is not None
    found: dict[str, list[str | None]] = {}
    for each in await bench.records.agent_runs(record.id):
        found.setdefault(each.node_id or "", []).append(each.output and each.output["token"])
    return found


async def test_another_living_worker_finishes_the_run_of_a_killed_one_and_repeats_no_finished_node(bench) -> None:
    run = await bench.start("steps", seconds=3)
    victim = await bench.works_at(run, "slow")
    before = await tokens(bench, run)
    bench.site.workers[victim].kill()
    bench.site.workers[victim].wait()
    ended = await bench.ended(run)
    assert ended.state.is_completed(), ended.state.message
    assert WorkerIdentity.parse(ended.infrastructure_pid).worker == ({"a", "b"} - {victim}).pop()
    after = await tokens(bench, run)
    assert after["first"] == before["first"], "read from the records by a worker that never ran it"
    assert [len(after[node]) for node in ("first", "slow", "last")] == [1, 2, 1]
    bench.site.start(victim)


async def test_a_worker_that_wakes_up_after_its_run_was_finished_by_another_changes_nothing(bench) -> None:
    run = await bench.start("steps", seconds=3)
    victim = await bench.works_at(run, "slow")
    os.kill(bench.site.workers[victim].pid, signal.SIGSTOP)
    ended = await bench.ended(run)
    assert ended.state.is_completed(), ended.state.message
    assert WorkerIdentity.parse(ended.infrastructure_pid).worker != victim
    before = await bench.on_record(run)
    os.kill(bench.site.workers[victim].pid, signal.SIGCONT)

    async def it_has_seen_that_it_is_late() -> bool:
        logs = await bench.client.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run.id])))
        return any("stopped the run" in each.message for each in logs)

    await bench.until(it_has_seen_that_it_is_late)
    assert await bench.on_record(run) == before


async def test_cancelling_ends_all_that_the_agents_have_started_within_five_seconds(bench, tmp_path) -> None:
    mark = f"cancel-me-{os.getpid()}"

    def alive() -> list[int]:
        found = []
        for folder in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if folder.name.isdigit() and mark in (folder / "cmdline").read_bytes().decode(errors="replace"):
                    found.append(int(folder.name))
        return found

    async def three_processes_dig_in() -> bool:
        return len(alive()) >= 3

    run = await bench.start("stubborn", mark=mark)
    await bench.until(three_processes_dig_in)
    began = time.monotonic()
    await bench.client.set_flow_run_state(run.id, Cancelling())

    async def nothing_is_left() -> bool:
        return not alive()

    await bench.until(nothing_is_left, seconds=10)
    assert time.monotonic() - began < 5
    ended = await bench.ended(run)
    assert ended.state.is_cancelled()
    await EndedRuns(client=bench.client, records=bench.records)()
    record = await bench.records.run_of_flow_run(str(run.id))
    assert (record.status, record.finished_at is not None) == ("FAILED", True)
    assert "cancelled" in record.message
    assert [each.status for each in await bench.records.agent_runs(record.id)] == ["FAILED"]


async def test_a_run_suspended_in_the_ui_finishes_its_node_stops_there_and_goes_on_when_it_is_resumed(
    bench,
) -> None:
    run = await bench.start("steps", seconds=2)
    await bench.works_at(run, "slow")
    # What the button in the UI sends; it always sends a timeout.
    await bench.client.set_flow_run_state(run.id, Suspended(timeout_seconds=3_600))

    async def the_node_has_ended() -> bool:
        return (await tokens(bench, run)).get("slow", [None]) != [None]

    await bench.until(the_node_has_ended)
    await asyncio.sleep(1)
    assert (await bench.client.read_flow_run(run.id)).state.is_paused()
    before = await tokens(bench, run)
    assert set(before) == {"first", "slow"}
    await bench.client.resume_flow_run(run.id)
    ended = await bench.ended(run)
    assert ended.state.is_completed(), ended.state.message
    after = await tokens(bench, run)
    assert {**after, "last": None} == {**before, "last": None}


async def test_the_same_deployment_runs_unchanged_on_prefects_stock_process_worker(bench) -> None:
    await bench.client.create_work_pool(WorkPoolCreate(name="stock-process", type="process"))
    await _move(bench.client, f"{POOL}-steps/project-1", "stock-process")
    try:
        run = await bench.start("steps", seconds=0)
        bench.site.start("stock", kind="process", pool="stock-process")
        ended = await bench.ended(run)
    finally:
        await _move(bench.client, f"{POOL}-steps/project-1", POOL)
    assert ended.state.is_completed(), ended.state.message
    assert WorkerIdentity.parse(ended.infrastructure_pid) is None
    assert {node: len(each) for node, each in (await tokens(bench, run)).items()} == {
        "first": 1,
        "slow": 1,
        "last": 1,
    }
