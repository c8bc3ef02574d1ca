"""A temporary folder -> a whole platform with events coming in, a person who decides, and the ledger of both."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import nats
import nats.errors
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateType
from prefect.client.schemas.objects import FlowRun, StateType
from sqlalchemy.engine import make_url

from agents.sandbox.choice import open_sandbox
from deployments.demo.sample_repository import DemoRepository, make_repository
from deployments.publishing.registration import register_folder
from deployments.stack.connection import StackConnection, connect_to
from deployments.stack.up import allow_repositories, deploy_files
from deployments.worker.worker_identity import WorkerIdentity
from fault_harness.ledger import Ledger
from fault_harness.otlp_receiver import OtlpReceiver
from fault_harness.person import Person, decision_on
from fault_harness.postgres import kill_server
from fault_harness.receiver import Receiver
from fault_harness.stage import Database, Stage, proxied, stage
from flows.runtime import SETTING_PREFIX
from operations.run_acts import rerun_run
from records.approvals.audit import Actor
from reliability.fault_points import ORDER
from tasks.secrets import ENVIRONMENT_PREFIX

AGENT = Path(__file__).with_name("stamper")
NAME = "faulty"
SUBJECT = f"workflow.trigger.{NAME}"
CALLED = "announcing"
"""The workflow that each run of the other one calls: a run of its own, killed and taken over by itself."""
CALLED_WORKFLOW = """\
name: announcing
trigger: manual
context:
  number: {type: integer}
nodes:
  - id: announce
    agent: notifier
    action: sendSlack
    inputs:
      channel: "#faults"
      message: '{"number": {{ context.number }}, "node": "announce"}'
"""
WORKFLOW = """\
name: faulty
context:
  type: object
  required: [number, repositoryPath]
  properties:
    number: {type: integer}
    repositoryPath: {type: string}
nodes:
  - id: announce
    workflow: announcing
    inputs:
      number: "{{ context.number }}"
  - id: stamp
    agent: stamper
    action: stamp
    dependsOn: [announce]
    inputs:
      repositoryPath: "{{ context.repositoryPath }}"
      targetBranch: "stamp-{{ context.number }}"
      number: "{{ context.number }}"
  - id: tell
    agent: notifier
    action: sendSlack
    dependsOn: [stamp]
    inputs:
      channel: "#faults"
      message: '{"number": {{ context.number }}, "node": "tell"}'
"""


RERUN_FROM = ("stamp", "tell")
"""With the gate, which is asked again, and behind it."""


@dataclass
class World:
    """The platform under test and the harness's own hands."""

    stage: Stage
    connection: StackConnection
    repository: DemoRepository
    ledger: Ledger
    receiver: Receiver
    faults: Path
    dice: random.Random
    person: Person
    ready: set[str]
    """Parts that live and answer."""
    spans: OtlpReceiver
    """What the platform exports."""
    known: set[str] = field(default_factory=set[str])
    """What earlier rounds have found."""
    _open: set[int] = field(default_factory=set[int])
    _numbers: count[int] = field(default_factory=lambda: count(1))
    _orders: count[int] = field(default_factory=lambda: count(1))

    @property
    def in_flight(self) -> int:
        """How many accepted events are not through, by what the receiving end has been told."""
        self._open -= self.receiver.told | self.person.refused
        return len(self._open)

    @property
    def moves(self) -> int:
        """How often something has got on: messages that were accepted, and gates that were answered."""
        return len(self.receiver.messages) + self.person.answered

    def all_at_rest(self) -> None:
        """Nothing is in flight: also what was parked, which the receiving end is never told of."""
        self._open.clear()

    async def publish(self, events: int) -> list[int]:
        """Publish events; each goes on until the stream has acknowledged it, and is in the ledger then."""
        numbers = [next(self._numbers) for _ in range(events)]
        for number in numbers:
            await self._publish(number)
        return numbers

    async def publish_rejected(self) -> None:
        """Publish one event whose gate is going to be answered with no."""
        while decision_on(number := next(self._numbers)) != "REJECTED":
            pass
        await self._publish(number)

    async def _publish(self, number: int) -> None:
        context = {"number": number, "repositoryPath": str(self.repository.path)}
        event = json.dumps({"projectId": 1, "context": context, "triggeredBy": "harness"}).encode()
        # As unlucky as the platform's own parts: what was accepted unheard is published again under the same id.
        url = proxied(self.stage.addresses, self.stage.proxies["NATS"]).nats_url
        while True:
            try:
                async with asyncio.timeout(5):
                    client = await nats.connect(url, allow_reconnect=False)
                    try:
                        headers = {"Nats-Msg-Id": f"fault-{number}"}
                        await client.jetstream().publish(SUBJECT, event, timeout=2, headers=headers)
                    finally:
                        await client.close()
                break
            except (nats.errors.Error, OSError, TimeoutError):
                await asyncio.sleep(0.2)  # never acknowledged: the platform owes nothing yet
        self.ledger.append("event", number=number)
        self._open.add(number)

    async def rerun(self) -> bool:
        """Run an ended run again from one of its last nodes, as a person would; False where none has ended well.

        What was asked for is in the ledger before: where no answer comes it may have been heard.
        """
        records = self.connection.records
        again = {line["number"] for line in self.ledger.read("rerunning")}
        runs = await records.runs(1, workflow=NAME, status="SUCCESS", limit=20)
        fresh = [run for run in runs if run.context["number"] not in again]
        if not fresh:
            return False
        run, node = self.dice.choice(fresh), self.dice.choice(RERUN_FROM)
        number = run.context["number"]
        self.ledger.append("rerunning", number=number, node=node)
        by = Actor(name="auditor", verified=True, channel="harness")
        await rerun_run(run.id, node, records=records, client=self.connection.prefect, by=by, project_id=1)
        self.ledger.append("rerun", number=number, node=node)
        return True

    def kill(self, name: str) -> bool:
        """`kill -9` of one part; False where it does not live and answer just now."""
        pid = self.stage.parts[name].pid
        if pid is None or name not in self.ready:
            return False
        self.ready.discard(name)
        try:
            # What a worker started dies with it or is found and ended by its successor.
            kill_server(pid) if name == "postgres" else os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        self.ledger.append("kill", part=name, pid=pid, in_flight=self.in_flight)
        return True

    async def hold_down(self, name: str) -> None:
        """`kill -9` of a part that is not started again until `let_up`."""
        if not self.kill(name):
            raise AssertionError(f"{name!r} does not live")
        await self.stage.parts[name].stop()

    async def let_up(self, name: str) -> None:
        """Start a part that was held down."""
        await self.stage.parts[name].start()

    def freeze(self, name: str) -> int:
        """Stop the clock for one part; gives its process id."""
        pid = self.stage.parts[name].pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        return pid

    def locked(self) -> bool:
        """Whether the records are an SQLite file on which somebody stands still in the middle of a transaction."""
        url = make_url(self.stage.addresses.database_url)
        if url.get_backend_name() != "sqlite":
            return False
        with closing(sqlite3.connect(str(url.database), timeout=2, isolation_level=None)) as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return True
        return False

    @staticmethod
    def thaw(pid: int) -> None:
        """Let a frozen process go on."""
        os.kill(pid, signal.SIGCONT)

    async def executed_by(self, worker: str) -> list[FlowRun]:
        """The runs that a worker, by its name in the pool, has in hand."""
        running = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.RUNNING])))
        found = await self.connection.prefect.read_flow_runs(flow_run_filter=running, limit=200)
        owners = {run.id: WorkerIdentity.parse(run.infrastructure_pid) for run in found}
        return [run for run in found if (owner := owners[run.id]) is not None and owner.worker == worker]

    async def fencing_tokens(self, worker: str) -> dict[str, int]:
        """The runs on record that a worker has in hand, with the fencing token under which it writes."""
        runs = [
            await self.connection.records.run_of_flow_run(str(each.id)) for each in await self.executed_by(worker)
        ]
        return {run.id: run.fencing_token for run in runs if run is not None and run.finished_at is None}

    def order(self, point: str, number: int) -> Path:
        """Order a crash at a point; gives the file that will be there once it has happened."""
        order = f"{point}:{number}:{next(self._orders)}"
        waiting = self.faults / f"{ORDER}.new"
        waiting.write_text(order, encoding="utf-8")
        waiting.replace(self.faults / ORDER)
        return self.faults / f"crashed-{order}"

    def countermand(self) -> None:
        """No crash is ordered any more."""
        (self.faults / ORDER).unlink(missing_ok=True)


@asynccontextmanager
async def world(folder: Path, *, seed: int, database: Database) -> AsyncGenerator[World]:
    """The platform, up and deployed, in `folder`."""
    faults = folder / "faults"
    faults.mkdir(parents=True)
    ledger = Ledger(folder / "ledger.jsonl")
    receiver = Receiver(ledger=ledger)
    await receiver.start()
    spans = OtlpReceiver()
    await spans.__aenter__()
    repository = make_repository(folder / "repository")
    os.environ.update(
        {
            "COMMANDCENTER_FAULTS": str(faults),
            # What the harness deploys by itself is signed as the platform would.
            "COMMANDCENTER_SIGNING_KEY_FILE": str(folder / "signing.key"),
            "OTEL_EXPORTER_OTLP_ENDPOINT": spans.url,
            f"{SETTING_PREFIX}SLACK_API_URL": f"http://127.0.0.1:{receiver.port}/api/",
            f"{ENVIRONMENT_PREFIX}SLACK_BOT_TOKEN": "xoxb-of-the-fault-harness",
        }
    )
    allow_repositories([folder])
    (folder / "workflows").mkdir()
    for name, text in ((NAME, WORKFLOW), (CALLED, CALLED_WORKFLOW)):
        (folder / "workflows" / f"{name}.yaml").write_text(text, encoding="utf-8")
    ready: set[str] = set()

    def report(name: str, event: str) -> None:
        ledger.append("part", part=name, event=event)
        ready.add(name) if event == "ready" else ready.discard(name)

    def dropped(target: str, asked: str) -> None:
        ledger.append("drop", target=target, asked=asked)

    try:
        async with (
            stage(folder, database=database, report=report, dropped=dropped) as platform,
            connect_to(platform.addresses) as connection,
        ):
            sandbox = open_sandbox()
            await register_folder(AGENT, records=connection.records, sandbox=sandbox, project_id=1)
            await sandbox.close()
            await deploy_files(platform.addresses, [folder / "workflows"], project_id=1)
            dice = random.Random(seed)
            person = Person(connection, ledger, dice)
            deciding = asyncio.create_task(person.decide_for_ever())
            try:
                yield World(platform, connection, repository, ledger, receiver, faults, dice, person, ready, spans)
            finally:
                deciding.cancel()
                await asyncio.gather(deciding, return_exceptions=True)
    finally:
        await receiver.stop()
        await spans.__aexit__()
        ledger.close()
