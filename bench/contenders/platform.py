"""This platform, from the NATS publish to the event that the run has ended: on its own worker or on Prefect's."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Literal, Self

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from prefect.client.schemas.actions import WorkPoolCreate

from agents.sandbox.bubblewrap.sandbox import BubblewrapSandbox
from contenders.child import child, environment, free_port
from contenders.contender import SHAPES
from contenders.step import AGENT, StepKind
from deployments.publishing.compile_files import compile_files
from deployments.publishing.deploy import PrefectPublisher
from deployments.publishing.registration import register_folder
from deployments.stack.addresses import Addresses
from deployments.stack.connection import connect_to
from deployments.stack.probe import Probe
from deployments.stack.stack import Stack
from deployments.stack.supervised_process import SupervisedProcess
from deployments.stack.up import prepare_records
from operations.deploy import deploy
from records import Approval
from reliability.settings import StackSettings
from triggers.reconcile.resume import resume

WorkerType = Literal["commandcenter", "process"]
_FLOWS = "contenders.bare_flows"
_WORKERS = {
    "commandcenter": ["-m", "contenders.worker", "--name", "bench"],
    "process": ["-m", "prefect", "worker", "start", "--type", "process", "--pool", "process", "--name", "bench"],
}
_LONG_SECONDS = 300
_SETTLED_SECONDS = 5
_REQUEST = re.compile(r"^(GET|POST|PATCH|PUT|DELETE) (\S+) ([0-9.]+)$", re.MULTILINE)
_IDENTIFIER = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")
_NOT_OF_A_RUN = {"POST /api/flow_runs/filter", "POST /api/work_pools/commandcenter/workers/filter"}
"""What worker and listener ask again and again, runs or none."""


class Platform:
    """A whole platform in a folder of its own."""

    def __init__(self, folder: Path, *, step: StepKind, worker: WorkerType, log_requests: bool = False) -> None:
        self.name = "this platform" if worker == "commandcenter" else "this platform, Prefect's process worker"
        self._folder, self._step, self._worker = folder, step, worker
        self._stack = _Logged if log_requests else Stack
        self._exit = AsyncExitStack()
        self.parts: dict[str, int] = {}
        """Its processes: NATS, Prefect's server, the listener and the worker."""
        self._ended: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as opening:
            settings = StackSettings(
                state=self._folder / "state", prefect_port=free_port(), nats_port=free_port(), worker=False
            )
            stack = await opening.enter_async_context(self._stack(settings, prepare=_prepare))
            self._connection = await opening.enter_async_context(connect_to(stack.addresses))
            await self._deploy()
            given = {**stack.addresses.child_env(), "COMMANDCENTER_TEST_FLOWS": _FLOWS}
            env = environment(given, step=self._step)
            log = self._folder / "worker.log"
            worker = await opening.enter_async_context(child(_WORKERS[self._worker], env=env, log=log))
            await self._until_online()
            self._nats = await opening.enter_async_context(_listening(stack.addresses, self._ended))
            self.parts = {name: part.pid for name, part in stack.parts.items() if part.pid} | {
                "worker": worker.pid
            }
            self._exit = opening.pop_all()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._exit.aclose()

    def pids(self) -> Sequence[int]:
        """Those of all parts."""
        return list(self.parts.values())

    async def run(self, shape: str, times: int = 1) -> float:
        """Publish the triggers, wait for the events of the ends."""
        began = time.perf_counter()
        for _ in range(times):
            await self._publish(shape)
        async with asyncio.timeout(_LONG_SECONDS):
            for _ in range(times):
                event = await self._ended.get()
                assert event["status"] == "SUCCESS", event
        return time.perf_counter() - began

    async def resume(self) -> float:
        """Decide and wake as the command line does; the agent run's record says when the node began."""
        await self._publish("gated")
        async with asyncio.timeout(_LONG_SECONDS):
            approval, flow_run_id = await self._until_suspended()
        began = time.time()
        await self._connection.records.decide(
            approval.id, decision="APPROVED", by="approver", verified=True, channel="bench"
        )
        await resume(self._connection.prefect, flow_run_id)
        async with asyncio.timeout(_LONG_SECONDS):
            await self._ended.get()
        (agent_run,) = await self._connection.records.agent_runs(approval.run_id)
        return agent_run.started_at.timestamp() - began

    async def requests(self, shape: str) -> dict[str, list[float]]:
        """Kind of request -> the server's milliseconds for each that one run makes, from the publish on."""
        log = self._folder / "state" / "logs" / "prefect.log"
        await asyncio.sleep(_SETTLED_SECONDS)
        since = log.stat().st_size
        await self.run(shape)
        await asyncio.sleep(_SETTLED_SECONDS)
        found: dict[str, list[float]] = {}
        for method, path, milliseconds in _REQUEST.findall(log.read_bytes()[since:].decode()):
            kind = f"{method} {_IDENTIFIER.sub('…', path)}"
            if kind not in _NOT_OF_A_RUN:
                found.setdefault(kind, []).append(float(milliseconds))
        return found

    async def _publish(self, workflow: str) -> None:
        event = {"projectId": 1, "context": {}, "triggeredBy": "bench"}
        await self._nats.jetstream().publish(f"workflow.trigger.{workflow}", json.dumps(event).encode())

    async def _until_suspended(self) -> tuple[Approval, str]:
        records, prefect = self._connection.records, self._connection.prefect
        while True:
            if open_gates := await records.approvals(1, status="PENDING"):
                break
            await asyncio.sleep(0.02)
        flow_run_id = (await records.run(open_gates[0].run_id)).flow_run_id or ""
        while True:
            state = (await prefect.read_flow_run(flow_run_id)).state  # pyright: ignore[reportArgumentType]
            if state is not None and state.name == "Suspended":
                await asyncio.sleep(0.5)  # nobody decides in the very moment in which the run goes to sleep
                return open_gates[0], flow_run_id
            await asyncio.sleep(0.05)

    async def _deploy(self) -> None:
        """The workflows; each deployment names a flow that has the bare step in it, and this worker's pool."""
        connection, sandbox = self._connection, BubblewrapSandbox()
        await register_folder(AGENT, records=connection.records, sandbox=sandbox, project_id=1)
        await sandbox.close()
        files = [_written(self._folder, name) for name in (*SHAPES, "gated")]
        catalogue = await connection.records.catalogue(1)
        if self._worker == "process":
            await connection.prefect.create_work_pool(WorkPoolCreate(name="process", type="process"))
        publisher = PrefectPublisher(connection.prefect, connection.addresses.pool)
        plans = compile_files(files, catalogue, project_id=1).plans
        for deployed in await deploy(plans, records=connection.records, publisher=publisher, project_id=1):
            made = await connection.prefect.read_deployment_by_name(deployed.deployment)
            await connection.prefect.create_deployment(
                flow_id=made.flow_id,
                name=made.name,
                entrypoint=deployed.entrypoint.replace("flows.compiled", _FLOWS),
                work_pool_name=self._worker,
                parameters=made.parameters,
                parameter_openapi_schema=made.parameter_openapi_schema,
            )

    async def _until_online(self) -> None:
        async with asyncio.timeout(60):
            while True:
                if await self._connection.prefect.read_workers_for_work_pool(self._worker):
                    return
                await asyncio.sleep(0.1)


class _Logged(Stack):
    """The same stack; Prefect's server says what it is asked."""

    def _part(
        self, name: str, arguments: list[str], *, probe: Probe, env: dict[str, str] | None = None
    ) -> SupervisedProcess:
        logged = ["--access-log"] if name == "prefect" else []
        return super()._part(name, [*arguments, *logged], probe=probe, env=env)


async def _prepare(addresses: Addresses) -> None:
    await prepare_records(addresses, project_id=1)


def _written(folder: Path, name: str) -> Path:
    nodes = [
        {"id": node, "agent": "bare-step", "action": "step", "dependsOn": after}
        for node, after in SHAPES.get(name, {}).items()
    ]
    nodes = nodes or [{"id": "asked", "agent": "bare-step", "action": "askFirst"}]
    file = folder / f"{name}.yaml"
    file.write_text(json.dumps({"name": name, "nodes": nodes}), encoding="utf-8")  # JSON is YAML
    return file


@asynccontextmanager
async def _listening(addresses: Addresses, ended: asyncio.Queue[dict[str, Any]]) -> AsyncGenerator[Client]:
    async def note(message: Msg) -> None:
        ended.put_nowait(json.loads(message.data))

    connection = await nats.connect(addresses.nats_url)
    try:
        await connection.subscribe("workflow.completed.*", cb=note)
        yield connection
    finally:
        await connection.close()
