"""A real Prefect server and a real worker, each a process of its own, for all tests of this folder."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.responses import SetStateStatus
from prefect_home import fill_prefect_home

from deployments.stack import free_ports
from records import upgrade

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


def wait_until(condition: Callable[[], bool], *, seconds: float = 60, what: str = "it") -> None:
    """Look every few milliseconds; fail with a sentence."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.02)


@dataclass
class Server:
    """A running Prefect server, and workers that belong to it."""

    url: str
    env: dict[str, str]
    folder: Path
    processes: list[subprocess.Popen] = field(default_factory=list)

    def start(
        self, *module: str, log: str, env: dict[str, str] | None = None, sigint: signal.Handlers = signal.SIG_DFL
    ) -> subprocess.Popen:
        with (self.folder / f"{log}.log").open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", *module],
                env={**self.env, **(env or {})},
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                # A shell's `&` has its children ignore SIGINT.
                preexec_fn=lambda: signal.signal(signal.SIGINT, sigint),
            )
        self.processes.append(process)
        return process

    def start_worker(
        self, name: str, *options: str, pool: str = "commandcenter", env: dict[str, str] | None = None
    ) -> subprocess.Popen:
        """A worker process that is at work when this returns."""
        ready = self.folder / f"{name}.ready"
        ready.unlink(missing_ok=True)
        process = self.start(
            "deployments.worker",
            *("--pool", pool, "--name", name, *options),
            log=name,
            env={"COMMANDCENTER_READY_FILE": str(ready), **(env or {})},
        )
        log = self.folder / f"{name}.log"
        wait_until(lambda: ready.exists() or process.poll() is not None, what=f"the start of {name}")
        assert ready.exists(), log.read_text()[-3000:]
        return process

    def stop(self) -> None:
        for process in reversed(self.processes):
            if process.poll() is None:
                process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(15)
                process.kill()
            process.wait()


@pytest.fixture(scope="session")
def server(tmp_path_factory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("platform")
    port = free_ports.Ports().choose(None, remembered=None, part="Prefect's server", option="--prefect-port")
    url = f"http://127.0.0.1:{port}/api"
    env = {
        **{
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PREFECT_", "COMMANDCENTER_"))
        },
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_API_URL": url,
        "PYTHONPATH": str(HERE),
        "DO_NOT_TRACK": "1",
        # Quicker than Prefect's usual half minute and quarter minute.
        "PREFECT_SERVER_DEPLOYMENTS_CONCURRENCY_SLOT_WAIT_SECONDS": "1",
        "PREFECT_SERVER_SERVICES_FOREMAN_LOOP_SECONDS": "1",
        "DATABASE_URL": f"sqlite:///{folder / 'records.db'}",
        "COMMANDCENTER_STATE": str(folder),
        "COMMANDCENTER_TEST_FLOWS": "sample_flows",
    }
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    asyncio.run(upgrade(env["DATABASE_URL"]))
    fill_prefect_home(tmp_path_factory, folder / "prefect")
    server = Server(url=url, env=env, folder=folder)
    process = server.start("deployments.prefect_server", "--port", str(port), log="server")

    def answers() -> bool:
        assert process.poll() is None, (folder / "server.log").read_text()
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"{url}/health", trust_env=False).is_success
        return False

    try:
        wait_until(answers, seconds=180, what="the server's start")
        yield server
    finally:
        server.stop()


@pytest.fixture
def prefect_home(tmp_path_factory) -> Path:
    """A home whose database has its tables already, and nothing in them: making them takes longest in a first start."""
    home = tmp_path_factory.mktemp("home") / "prefect"
    fill_prefect_home(tmp_path_factory, home)
    return home


@pytest.fixture(scope="session")
def worker(server) -> subprocess.Popen:
    return server.start_worker("main")


@dataclass
class Platform:
    """What a test does as a user of Prefect."""

    client: PrefectClient

    async def deploy(
        self,
        entrypoint: str,
        *,
        pool: str = "commandcenter",
        name: str | None = None,
        module: str = "sample_flows",
        **options,
    ) -> UUID:
        flow_id = await self.client.create_flow_from_name(entrypoint)
        return await self.client.create_deployment(
            **options,
            flow_id=flow_id,
            name=name or pool,
            entrypoint=f"{module}.{entrypoint}",
            work_pool_name=pool,
            parameter_openapi_schema={"type": "object", "properties": {}},
            enforce_parameter_schema=False,
        )

    async def start(self, entrypoint: str, *, pool: str = "commandcenter", **parameters) -> FlowRun:
        deployment_id = await self.deploy(entrypoint, pool=pool)
        return await self.client.create_flow_run_from_deployment(deployment_id, parameters=parameters)

    async def until(self, run: FlowRun, *names: str, seconds: float = 60) -> FlowRun:
        """The run as soon as it is in a state of one of the names; without names, in a final state."""
        deadline = time.monotonic() + seconds
        while True:
            run = await self.client.read_flow_run(run.id)
            if run.state.name in names or (not names and run.state.is_final()):
                return run
            assert time.monotonic() < deadline, f"the run is still {run.state!r}, not {names or 'ended'}"
            assert not run.state.is_final(), f"the run ended as {run.state!r}, not as {names}"
            await asyncio.sleep(0.03)

    async def resume(self, run: FlowRun, word: str) -> None:
        """Answer the form of a suspended run, which Prefect has a moment after the state."""
        deadline = time.monotonic() + 60
        while (told := await self.client.resume_flow_run(run.id, {"word": word})).status != SetStateStatus.ACCEPT:
            assert time.monotonic() < deadline, told
            await asyncio.sleep(0.03)


@pytest_asyncio.fixture
async def platform(server):
    async with PrefectClient(server.url) as client:
        yield Platform(client)
