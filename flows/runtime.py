"""Environment of a worker -> the real parts its flows run with, opened once per process.

A long-lived worker enters `runtime()` for its whole life; a flow enters it too and then gets the same parts. On
Prefect's stock process worker the flow is the first to enter, and opens and closes them itself.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from agents.sandbox.choice import open_sandbox
from agents.sandbox.throttle import Throttle, default_concurrency
from records import Records
from records.database.connections import default_database_url
from reliability.secret_files import read_secret_files
from tasks.secrets import EnvironmentSecrets, FileSecrets, PrefectSecrets
from tasks.services import Services

EnterRuntime = Callable[[], AbstractAsyncContextManager[Services]]
DEFAULT_WARM_JAILS = 4
"""One for each of the agents that ran last; each holds about 40 MB for at most two minutes."""
SETTING_PREFIX = "COMMANDCENTER_SETTING_"


class RuntimeSettings(BaseSettings):
    """Environment variables a worker reads."""

    model_config = SettingsConfigDict(extra="ignore", populate_by_name=True)

    database_url: str = Field(default_factory=default_database_url)
    """`DATABASE_URL`: the records, SQLite or PostgreSQL."""
    sandbox: str = Field(default="bubblewrap", validation_alias=AliasChoices("COMMANDCENTER_SANDBOX", "SANDBOX"))
    """`COMMANDCENTER_SANDBOX` or `SANDBOX`: bubblewrap or dagger."""
    commandcenter_agents_at_once: int = Field(default_factory=default_concurrency, ge=1)
    """`COMMANDCENTER_AGENTS_AT_ONCE`: how many agents one worker runs side by side; 8 per CPU by default."""
    commandcenter_warm_jails: int = Field(default=DEFAULT_WARM_JAILS, ge=0)
    """`COMMANDCENTER_WARM_JAILS`: jails that are started ahead and wait for a request; 0: none."""
    commandcenter_state: Path = Path(".commandcenter")
    """`COMMANDCENTER_STATE`: folder for scratch files, and `secrets/` with one file per secret."""
    commandcenter_repositories: str = ""
    """`COMMANDCENTER_REPOSITORIES`: folders that repositories may lie in, separated as in PATH. None: none at all."""

    @property
    def state(self) -> Path:
        """The state folder, absolute."""
        return self.commandcenter_state.absolute()

    @property
    def repository_roots(self) -> tuple[Path, ...]:
        """The allowed folders, absolute."""
        return tuple(Path(each).absolute() for each in self.commandcenter_repositories.split(os.pathsep) if each)


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
            shared.services = await open_services(RuntimeSettings(), os.environ)
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


async def open_services(settings: RuntimeSettings, environment: Mapping[str, str]) -> Services:
    """The composition: every real part is made here and nowhere else."""
    state = settings.state
    scratch = state / "scratch"
    await asyncio.to_thread(scratch.mkdir, parents=True, exist_ok=True)
    return Services(
        records=await Records.open(settings.database_url),
        sandbox=Throttle(
            open_sandbox(settings.sandbox, warm=settings.commandcenter_warm_jails),
            at_once=settings.commandcenter_agents_at_once,
        ),
        secrets=(EnvironmentSecrets(environment), FileSecrets(state / "secrets"), PrefectSecrets()),
        settings=agent_settings(environment),
        repository_roots=settings.repository_roots,
        scratch=scratch,
        backend=settings.sandbox,
    )
