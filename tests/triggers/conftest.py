"""A real nats-server and a real Prefect server for the whole session; records in memory or in SQLite."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nats
import pytest
from nats.aio.client import Client
from prefect.client.orchestration import PrefectClient

from compiler.plan import EventTrigger, Plan, PlanNode
from triggers.service import open_client


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@dataclass
class NatsServer:
    """nats-server with JetStream as a child process that can be killed and started again on its state."""

    store: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        binary = Path(sys.executable).with_name("nats-server")
        arguments = [str(binary), "-a", "127.0.0.1", "-p", str(self.port), "-js", "-sd", str(self.store)]
        self.process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            with socket.socket() as trial:
                if trial.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise RuntimeError("nats-server does not answer")

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@pytest.fixture(scope="session")
def nats_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    server = NatsServer(store=tmp_path_factory.mktemp("nats"), port=free_port())
    server.start()
    yield server
    server.kill()


@pytest.fixture
async def broker(nats_server: NatsServer) -> AsyncIterator[Client]:
    """A connection of the outside world; the streams are gone before and after."""
    connection = await nats.connect(nats_server.url, max_reconnect_attempts=-1, reconnect_time_wait=0.1)
    await clear(connection)
    yield connection
    await clear(connection)
    await connection.close()


async def clear(connection: Client) -> None:
    streams = connection.jetstream()
    for info in await streams.streams_info():
        await streams.delete_stream(str(info.config.name))


@pytest.fixture
async def prefect_client(prefect_api: str) -> AsyncIterator[PrefectClient]:
    async with open_client(prefect_api) as client:
        yield client


@pytest.fixture
def deploy(prefect_client: PrefectClient) -> Callable[[Plan], Awaitable[None]]:
    """Makes a deployment as the platform does, without a worker behind it."""

    async def deploy(plan: Plan) -> None:
        flow = await prefect_client.create_flow_from_name(plan.name)
        await prefect_client.create_deployment(flow_id=flow, name=f"project-{plan.project_id}")

    return deploy


@pytest.fixture
def workflow() -> Callable[..., Plan]:
    """Makes a plan of one node."""

    def workflow(name: str, *, project: int = 1, event: str | None = "graph.file.updated", **trigger: Any) -> Plan:
        node = PlanNode(
            id="scan",
            agent="scanner",
            agent_type="SCRIPT",
            agent_version="1.0.0",
            entry_path="agents.builtin.scanner",
            action="scan",
            risk="AUTO",
            inputs={},
            input_schema={},
            output_schema={},
        )
        triggers = (EventTrigger(event=event, **trigger),) if event else ()
        return Plan(name=name, project_id=project, triggers=triggers, nodes=(node,))

    return workflow


@pytest.fixture
def eventually() -> Callable[..., Awaitable[None]]:
    """Waits until something holds; fails when it does not within the given seconds."""

    async def eventually(holds: Callable[[], bool | Awaitable[bool]], seconds: float = 10) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = holds()
            if await found if isinstance(found, Awaitable) else found:
                return
            await asyncio.sleep(0.02)
        raise AssertionError("it did not happen in time")

    return eventually


@pytest.fixture
async def background() -> AsyncIterator[Callable[[Coroutine[None, None, None]], asyncio.Task[None]]]:
    """Runs something until the test ends, or until its task is cancelled."""
    tasks: list[asyncio.Task[None]] = []

    def begin(work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        tasks.append(asyncio.create_task(work))
        return tasks[-1]

    yield begin
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
