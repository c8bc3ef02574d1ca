"""A temporary folder -> a whole platform with events coming in, a person who decides, and the ledger of both."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import httpx
import nats
import nats.errors
from sqlalchemy.exc import SQLAlchemyError

from agents.sample_repository import DemoRepository, make_repository
from agents.sandbox.choice import open_sandbox
from deployments import part
from deployments.addresses import Addresses
from deployments.connection import Connection, connect_to
from deployments.registration import register_folder
from deployments.stack import Stack, StackSettings
from deployments.up import allow_repositories, deploy_files, prepare_records
from fault_harness.ledger import Ledger
from fault_harness.receiver import Receiver
from flows.runtime import SETTING_PREFIX
from records import RecordsError, Run
from records.crash_points import ORDER
from tasks.secrets import ENVIRONMENT_PREFIX
from triggers.faults import Transient
from triggers.resume import resume

AGENT = Path(__file__).with_name("stamper")
NAME = "faulty"
SUBJECT = f"workflow.trigger.{NAME}"
REJECT_EVERY = 5
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
    agent: notifier
    action: sendSlack
    inputs:
      channel: "#faults"
      message: '{"number": {{ context.number }}, "node": "announce"}'
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


@dataclass
class World:
    """The platform under test and the harness's own hands."""

    stack: Stack
    connection: Connection
    repository: DemoRepository
    ledger: Ledger
    faults: Path
    dice: random.Random
    deciding: asyncio.Event = field(default_factory=asyncio.Event)
    known: set[str] = field(default_factory=set[str])
    """What earlier rounds have found."""
    _numbers: count[int] = field(default_factory=lambda: count(1))
    _orders: count[int] = field(default_factory=lambda: count(1))

    async def publish(self, events: int) -> list[int]:
        """Publish events; each goes on until the stream has acknowledged it, and is in the ledger then."""
        numbers = [next(self._numbers) for _ in range(events)]
        for number in numbers:
            await self._publish(number)
        return numbers

    async def publish_rejected(self) -> None:
        """Publish one event whose gate is going to be answered with no."""
        while self.verdict(number := next(self._numbers)) != "REJECTED":
            pass
        await self._publish(number)

    async def _publish(self, number: int) -> None:
        context = {"number": number, "repositoryPath": str(self.repository.path)}
        event = json.dumps({"projectId": 1, "context": context, "triggeredBy": "harness"}).encode()
        while True:
            try:
                async with asyncio.timeout(5):
                    client = await nats.connect(self.stack.addresses.nats_url, allow_reconnect=False)
                    try:
                        headers = {"Nats-Msg-Id": f"fault-{number}"}
                        await client.jetstream().publish(SUBJECT, event, timeout=2, headers=headers)
                    finally:
                        await client.close()
                break
            except (nats.errors.Error, OSError, TimeoutError):
                await asyncio.sleep(0.2)  # never acknowledged: the platform owes nothing yet
        self.ledger.append("event", number=number)

    def kill(self, name: str) -> bool:
        """`kill -9` of one part; False where it is down just now."""
        pid = self.stack.parts[name].pid
        if pid is None:
            return False
        try:
            # What it started dies with it or is found and ended by its successor.
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        self.ledger.append("kill", part=name, pid=pid)
        return True

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

    async def decide_for_ever(self) -> None:
        """The person: answers every open gate after a moment, and has it in the ledger before and after."""
        while True:
            await asyncio.sleep(self.dice.uniform(0.1, 0.8))
            with suppress(RecordsError, SQLAlchemyError, OSError):
                for approval in await self.connection.records.approvals(1, status="PENDING", limit=200):
                    await self.deciding.wait()
                    run = await self.connection.records.run(approval.run_id)
                    await self._decide(run, approval.node_id)

    async def _decide(self, run: Run, node: str) -> None:
        number, verdict = run.context["number"], self.verdict(run.context["number"])
        self.ledger.append("deciding", number=number, node=node, verdict=verdict)
        decision = await self.connection.records.decide(
            (run.id, node), decision=verdict, by="auditor", verified=True, way="harness"
        )
        self.ledger.append("decided", number=number, node=node, verdict=verdict, applied=decision.applied)
        if self.dice.random() < 0.3:
            return  # a decision whose maker did not come to wake the run
        with suppress(Transient, httpx.HTTPError):
            await resume(self.connection.prefect, run.flow_run_id or "")

    @staticmethod
    def verdict(number: int) -> str:
        """What the person says about a number: fixed, so that the outcome can be known beforehand."""
        return "REJECTED" if number % REJECT_EVERY == 0 else "APPROVED"


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def world(folder: Path, *, seed: int) -> AsyncGenerator[World]:
    """The platform, up and deployed, in `folder`."""
    faults = folder / "faults"
    faults.mkdir(parents=True)
    ledger = Ledger(folder / "ledger.jsonl")
    receiver = Receiver(ledger=ledger)
    await receiver.start()
    repository = make_repository(folder / "repository")
    os.environ.update(
        {
            "COMMANDCENTER_FAULTS": str(faults),
            f"{SETTING_PREFIX}SLACK_API_URL": f"http://127.0.0.1:{receiver.port}/api/",
            f"{ENVIRONMENT_PREFIX}SLACK_BOT_TOKEN": "xoxb-of-the-fault-harness",
        }
    )
    allow_repositories([folder])
    # A part that dies again and again is given up after five times; here dying again and again is the point.
    part.STEADY_SECONDS = 0.0
    (folder / "workflows").mkdir()
    (folder / "workflows" / "faulty.yaml").write_text(WORKFLOW, encoding="utf-8")

    async def prepare(addresses: Addresses) -> None:
        await prepare_records(addresses, project_id=1)

    try:
        async with Stack(
            # Ports of its own: whatever else on this machine looks for Prefect at 4200 must not find this one.
            StackSettings(state=folder / "state", prefect_port=free_port(), nats_port=free_port()),
            prepare=prepare,
            report=lambda name, event: ledger.append("part", part=name, event=event),
        ) as stack:
            async with connect_to(stack.addresses) as connection:
                sandbox = open_sandbox()
                await register_folder(AGENT, records=connection.records, sandbox=sandbox, project_id=1)
                await sandbox.close()
                await deploy_files(stack.addresses, [folder / "workflows"], project_id=1)
                here = World(stack, connection, repository, ledger, faults, random.Random(seed))
                here.deciding.set()
                person = asyncio.create_task(here.decide_for_ever())
                try:
                    yield here
                finally:
                    person.cancel()
                    await asyncio.gather(person, return_exceptions=True)
    finally:
        await receiver.stop()
        ledger.close()
