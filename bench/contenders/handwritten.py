"""A flow written by hand, on Prefect as it comes: its own server with SQLite, and its process worker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Self
from uuid import UUID

import httpx
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import WorkPoolCreate

from contenders.child import child, environment, free_port
from contenders.contender import SHAPES
from contenders.step import StepKind

_LOOK_SECONDS = 0.05


class HandWritten:
    """Prefect without anything of ours."""

    name = "hand-written Prefect flow, Prefect's process worker"

    def __init__(self, folder: Path, *, step: StepKind) -> None:
        self._folder, self._step = folder, step
        self._exit = AsyncExitStack()
        self._deployments: dict[str, UUID] = {}
        self._pids: list[int] = []

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as opening:
            port = free_port()
            url = f"http://127.0.0.1:{port}/api"
            settings = {
                "PREFECT_HOME": str(self._folder / "prefect"),
                "PREFECT_API_URL": url,
                "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
                "BENCH_FOLDER": str(self._folder),
            }
            env = environment(settings, step=self._step)
            server = ["-m", "prefect", "server", "start", "--port", str(port)]
            worker = ["-m", "prefect", "worker", "start", "--type", "process", "--pool", "bench"]
            log = self._folder / "prefect.log"
            server_process = await opening.enter_async_context(child(server, env=env, log=log))
            self._client = await opening.enter_async_context(PrefectClient(url))
            await self._until_it_answers()
            await self._deploy()
            worker_process = await opening.enter_async_context(child(worker, env=env, log=log))
            self._pids = [server_process.pid, worker_process.pid]
            self._exit = opening.pop_all()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._exit.aclose()

    def pids(self) -> Sequence[int]:
        """Server and worker."""
        return self._pids

    async def run(self, shape: str, times: int = 1) -> float:
        """Create the runs, ask for their states until all have ended."""
        began = time.perf_counter()
        runs = [await self._create(shape) for _ in range(times)]
        for run in runs:
            await self._until(run, "Completed")
        return time.perf_counter() - began

    async def resume(self) -> float:
        """The pause's input is the decision; the flow writes down when its step began."""
        run = await self._create("gated")
        await self._until(run, "Suspended")
        await asyncio.sleep(0.5)
        decided = time.time()
        await self._client.resume_flow_run(run, run_input={"value": "yes"})
        await self._until(run, "Completed")
        return float((self._folder / "began").read_text()) - decided

    async def _create(self, shape: str) -> UUID:
        return (await self._client.create_flow_run_from_deployment(self._deployments[shape])).id

    async def _until(self, run: UUID, name: str) -> None:
        async with asyncio.timeout(300):
            while True:
                state = (await self._client.read_flow_run(run)).state
                if state is not None and state.name == name:
                    return
                assert state is None or not state.is_final(), state
                await asyncio.sleep(_LOOK_SECONDS)

    async def _until_it_answers(self) -> None:
        async with asyncio.timeout(120):
            while True:
                with suppress(httpx.HTTPError):
                    await self._client.hello()
                    return
                await asyncio.sleep(0.2)

    async def _deploy(self) -> None:
        await self._client.create_work_pool(WorkPoolCreate(name="bench", type="process"))
        for shape in (*SHAPES, "gated"):
            self._deployments[shape] = await self._client.create_deployment(
                flow_id=await self._client.create_flow_from_name(shape),
                name="bench",
                entrypoint=f"contenders.handwritten_flows.{shape}",
                work_pool_name="bench",
                parameter_openapi_schema={"type": "object", "properties": {}},
            )
