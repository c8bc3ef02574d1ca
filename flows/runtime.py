"""Environment of a worker -> the real parts its flows run with, opened once per process.

A long-lived worker enters `runtime()` for its whole life; a flow enters it too and then gets the same parts. On
Prefect's stock process worker the flow is the first to enter, and opens and closes them itself.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from agents.sandbox.choice import open_sandbox
from agents.sandbox.outcome import read_result
from agents.sandbox.throttle import Throttle, default_concurrency
from records import Records
from reliability.apart import prepare
from reliability.secret_files import read_secret_files
from reliability.settings import WorkerSettings
from tasks.secrets import EnvironmentSecrets, FileSecrets, PrefectSecrets
from tasks.services import Services

EnterRuntime = Callable[[], AbstractAsyncContextManager[Services]]
SETTING_PREFIX = "COMMANDCENTER_SETTING_"


class _Shared:
    """The parts of this process, with a count of those who hold them."""

    def __init__(self) -> None:
        self.services: Services | None = None
        self.holders = 0
        self.lock = asyncio.Lock()


_shared_by_loop: dict[asyncio.AbstractEventLoop, _Shared] = {}


@asynccontextmanager
async def runtime() -> AsyncGenerator[Services]:
    """The shared parts; opened by the first to enter, closed by the last to leave."""
    loop = asyncio.get_running_loop()
    shared = _shared_by_loop.setdefault(loop, _Shared())
    async with shared.lock:
        if shared.services is None:
            # Prefect's own workers, which know nothing of such files, start flows too.
            await asyncio.to_thread(read_secret_files)
            shared.services = await open_services(WorkerSettings.load(), os.environ)
        shared.holders += 1
    try:
        yield shared.services
    finally:
        async with shared.lock:
            shared.holders -= 1
            if shared.holders == 0:
                services, shared.services = shared.services, None
                _shared_by_loop.pop(loop, None)
                await services.sandbox.close()
                await services.records.close()


def agent_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """The non-secret settings of agents that the environment holds, by name without the prefix."""
    return {
        name.removeprefix(SETTING_PREFIX): value
        for name, value in environment.items()
        if name.startswith(SETTING_PREFIX)
    }


async def open_services(settings: WorkerSettings, environment: Mapping[str, str]) -> Services:
    """The composition: every real part is made here and nowhere else."""
    state = settings.state.absolute()
    scratch = state / "scratch"
    await asyncio.to_thread(scratch.mkdir, parents=True, exist_ok=True)
    prepare(read_result)
    return Services(
        records=await Records.open(settings.database_url),
        sandbox=Throttle(
            open_sandbox(settings.sandbox, warm=settings.warm_jails),
            at_once=settings.agents_at_once or default_concurrency(),
        ),
        secrets=(EnvironmentSecrets(environment), FileSecrets(state / "secrets"), PrefectSecrets()),
        settings=agent_settings(environment),
        repository_roots=settings.repository_roots,
        scratch=scratch,
        backend=settings.sandbox,
    )
