"""The whole process, `python -m triggers`, between a real NATS, a real Prefect and real records."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import uuid

import pytest
from prefect.client.schemas.filters import FlowFilter, FlowFilterName

from compiler import ActionSpec, AgentSpec, matches
from operations.launcher import Launcher
from records import upgrade
from reliability.settings import ListenerSettings
from triggers.in_memory import MemoryRecords
from triggers.intake import Intake
from triggers.nats.connection import connect
from triggers.nats.listener import Listener
from triggers.nats.streams import CONSUMER, EVENTS
from triggers.reconcile.reconciler import Hook
from triggers.reconcile.waiting_runs import TriggerRecords
from triggers.service import serve

SCANNER = AgentSpec(
    name="scanner",
    type="SCRIPT",
    version="1.0.0",
    risk="AUTO",
    entry_path="agents.builtin.scanner",
    actions={"scan": ActionSpec(name="scan", input_schema={}, output_schema={})},
)


@pytest.fixture
def database(request):
    """The URL of a migrated database: SQLite, or what the test asks for."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return request.getfixturevalue("migrated_url")
    url = request.getfixturevalue("postgres_url")
    asyncio.run(upgrade(url))
    return url


@pytest.fixture
async def records(database):
    async with await TriggerRecords.open(database) as records:
        await records.register_agent(1, SCANNER)
        yield records


@pytest.fixture
async def deployed(records, deploy, workflow):
    """Workflow that starts for Python files, deployed."""
    plan = workflow(f"audit-{uuid.uuid4().hex[:8]}", filters={"filePath": "**.py"})
    await records.save_workflow(plan)
    await deploy(plan)
    return plan


@pytest.fixture
def process(nats_server, prefect_api, database, tmp_path):
    """Starts the process; all are gone at the end."""
    environment = os.environ | {
        "NATS_URL": nats_server.url,
        "PREFECT_API_URL": prefect_api,
        "DATABASE_URL": database,
        "COMMANDCENTER_READY_FILE": str(tmp_path / "ready"),
    }
    started = []

    def start():
        with (tmp_path / "triggers.log").open("ab") as log:
            child = subprocess.Popen(
                [sys.executable, "-m", "triggers"], env=environment, stdout=subprocess.PIPE, stderr=log
            )
        started.append(child)
        assert child.stdout.readline() == b"triggers: ready\n", (tmp_path / "triggers.log").read_text()
        return child

    yield start
    for child in started:
        child.kill()
        child.wait()
        child.stdout.close()


@pytest.fixture
def runs(prefect_client, deployed):
    async def runs():
        name = FlowFilter(name=FlowFilterName(any_=[deployed.name]))
        return await prefect_client.read_flow_runs(flow_filter=name, limit=200)

    return runs


async def publish(broker, **payload):
    data = json.dumps({"projectId": 1, "filePath": "a.py"} | payload).encode()
    return await broker.jetstream().publish("graph.file.updated", data)


@pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)
async def test_events_become_runs_and_changes_become_events_and_the_process_ends_cleanly(
    broker, process, records, deployed, runs, eventually, tmp_path
):
    child = process()
    await eventually((tmp_path / "ready").exists, 2)
    heard = []

    async def hear(message):
        heard.append(message.subject)

    await broker.subscribe("workflow.>", cb=hear)
    await publish(broker, filePath="src/a.py")
    await publish(broker, filePath="README.md")
    await broker.jetstream().publish("graph.file.updated", b"{")

    async def started():
        return len(await runs()) == 1 and await records.count_dead_letters() == 1

    await eventually(started)
    run = (await runs())[0]
    assert run.parameters["plan"] == deployed.digest
    assert run.parameters["context"] == {"projectId": 1, "filePath": "src/a.py"}
    began = time.monotonic()
    await records.start_run(
        flow_run_id=str(run.id), plan_digest=deployed.digest, trigger="graph.file.updated", context={}
    )
    await eventually(lambda: any(subject.startswith("workflow.started.") for subject in heard))
    assert time.monotonic() - began < 1
    child.send_signal(signal.SIGTERM)
    assert child.wait(30) == 0


async def test_killed_again_and_again_it_starts_every_run_once(broker, process, runs, eventually):
    child = process()
    for number in range(40):
        await publish(broker, n=number)
    for _ in range(2):
        await asyncio.sleep(0.25)
        child.kill()
        child.wait()
        child = process()

    async def all_started():
        return len(await runs()) >= 40

    await eventually(all_started, 30)

    async def all_acknowledged():
        info = await broker.jetstream().consumer_info(EVENTS, CONSUMER)
        return info.num_pending + info.num_ack_pending == 0

    await eventually(all_acknowledged, 30)
    assert sorted(run.parameters["context"]["n"] for run in await runs()) == list(range(40))


async def test_a_crash_between_the_run_and_its_record_starts_no_second_run(
    nats_server, broker, records, prefect_client, deployed, runs, background, eventually
):
    class Crashing(Launcher):
        starts = 0

        async def start(self, plan, **what):
            run = await super().start(plan, **what)
            self.starts += 1
            if self.starts == 1:
                raise OSError("killed before anything was written")
            return run

    launch = Crashing(prefect_client)
    connection = await connect(nats_server.url)
    listener = Listener(connection=connection, intake=Intake(inbox=records, launch=launch, matches=matches))
    background(listener.run())
    await listener.ready.wait()
    await publish(broker)
    await eventually(lambda: launch.starts == 2)
    assert len(await runs()) == 1
    await connection.close()


async def test_events_wait_while_prefect_is_away(
    nats_server, broker, process, runs, prefect_client, deployed, records, eventually, background
):
    from triggers.service import open_client

    connection = await connect(nats_server.url)
    async with open_client("http://127.0.0.1:9/api") as nobody:
        listener = Listener(
            connection=connection, intake=Intake(inbox=records, launch=Launcher(nobody), matches=matches)
        )
        task = background(listener.run())
        await listener.ready.wait()
        await publish(broker)
        await asyncio.sleep(0.5)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await connection.close()
    assert not await runs()
    assert not await records.count_dead_letters()
    process()

    async def started():
        return len(await runs()) == 1

    await eventually(started, 20)


async def test_a_cancellation_at_any_moment_ends_all_of_it(nats_server, broker, prefect_client):
    records = MemoryRecords()
    settings = ListenerSettings(nats_url=nats_server.url, database_url="sqlite://", refresh_seconds=0.05)
    for moment in range(0, 600, 4):
        connected = asyncio.Event()

        async def busy(connected=connected):
            connected.set()

        hooks = [Hook(name="busy", run=busy, every_seconds=0.001)]
        serving = serve(settings, records=records, client=prefect_client, matches=matches, hooks=hooks)
        task = asyncio.create_task(serving)
        await connected.wait()
        records.add_event("workflow.started.w1", {"n": moment})
        for _ in range(moment):
            await asyncio.sleep(0)
        task.cancel()
        _, running = await asyncio.wait({task}, timeout=4)
        assert not running, f"cancelled after {moment} turns of the loop, it goes on"
