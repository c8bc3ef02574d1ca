"""A folder and a kind of database -> a whole platform with two workers, whose parts talk through proxies."""

from __future__ import annotations

import socket
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from contenders.child import free_port

from deployments.stack import supervised_process
from deployments.stack.addresses import Addresses, Part
from deployments.stack.probe import FileProbe
from deployments.stack.process import Command
from deployments.stack.stack import Stack
from deployments.stack.supervised_process import SupervisedProcess
from deployments.stack.up import prepare_records
from fault_harness.conversation import Conversation, HttpConversation, NatsConversation, PostgresConversation
from fault_harness.postgres import Postgres, postgres
from fault_harness.proxy import Proxy
from reliability.settings import StackSettings

Database = Literal["sqlite", "postgresql"]
_FIRST, _SECOND = "worker", "second-worker"
WORKERS = {_FIRST: f"embedded-{socket.gethostname()}", _SECOND: "second"}
"""The parts that are workers, and their names in the work pool."""
Report = Callable[[str, str], None]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """The platform that is played with."""

    addresses: Addresses
    """Past the proxies: the harness's own hands do not tremble."""
    parts: dict[str, SupervisedProcess]
    """All that can be killed, by name."""
    proxies: dict[str, Proxy]
    """All that can lose an answer, by what they stand before."""


class ProxiedStack(Stack):
    """A stack whose workers and listener reach the others through proxies, and with a second worker."""

    def __init__(self, settings: StackSettings, *, through: dict[str, str], **options: Any) -> None:
        super().__init__(settings, **options)
        self._through = through

    async def start_second_worker(self) -> None:
        """One more worker of the same pool, which knows nothing of the first."""
        options = ["--pool", self.settings.pool, "--name", WORKERS[_SECOND]]
        ready = self._state.path / "run" / f"{_SECOND}.ready"
        command = Command(
            name=_SECOND,
            arguments=[sys.executable, "-m", "deployments.worker", *options],
            env={
                **self.addresses.child_env(part="worker"),
                **self._through,
                "COMMANDCENTER_READY_FILE": str(ready),
            },
            log=self._state.logs / f"{_SECOND}.log",
            grace=15,
        )
        timeout = self.settings.start_timeout
        worker = SupervisedProcess(command, probe=FileProbe(ready), timeout=timeout, report=self._report)
        await self._add(worker).start()

    def _part(
        self, name: Part, arguments: list[str], *, env: dict[str, str] | None = None, **options: Any
    ) -> SupervisedProcess:
        proxied = self._through if name in (*WORKERS, "listener") else {}
        return super()._part(name, arguments, env={**proxied, **(env or {})}, **options)


@asynccontextmanager
async def stage(
    folder: Path, *, database: Database, report: Report, dropped: Callable[[str, str], None]
) -> AsyncGenerator[Stage]:
    """The platform, up; `report` is told of its parts' lives, `dropped` of answers that were lost."""
    # A part that dies again and again is given up after five times; here dying again and again is the point.
    supervised_process.STEADY_SECONDS = 0.0
    state = folder / "state"
    # Ports of its own: whatever else on this machine looks for Prefect at 4200 must not find this one.
    prefect, nats = free_port(), free_port()
    settings = StackSettings(state=state, prefect_port=prefect, nats_port=nats)
    async with AsyncExitStack() as exits:
        proxies: dict[str, Proxy] = {}

        async def before(name: str, port: int, talk: Callable[[], Conversation]) -> int:
            proxies[name] = Proxy(name, port, talk, dropped=dropped)
            await proxies[name].start()
            exits.push_async_callback(proxies[name].stop)
            return proxies[name].port

        through = {"PREFECT_API_URL": f"http://127.0.0.1:{await before('Prefect', prefect, HttpConversation)}/api"}
        nats_proxy = await before("NATS", nats, NatsConversation)
        server: Postgres | None = None
        if database == "postgresql":
            log = folder / "postgres.log"
            server = await exits.enter_async_context(postgres(free_port(), log=log, report=report))
            await server.create("records", "prefect")
            records = await before("records on PostgreSQL", server.port, PostgresConversation)
            through["DATABASE_URL"] = server.url("records", port=records)
            own = await before("Prefect's PostgreSQL", server.port, PostgresConversation)
            settings = settings.model_copy(
                update={
                    "database_url": server.url("records"),
                    "prefect_database_url": server.url("prefect", scheme="postgresql+asyncpg", port=own),
                }
            )
        stack = ProxiedStack(settings, through=through, prepare=_prepare(through, nats, nats_proxy), report=report)
        await exits.enter_async_context(stack)
        await stack.start_second_worker()
        parts = {**stack.parts, **({"postgres": server.part} if server is not None else {})}
        yield Stage(addresses=stack.addresses, parts=parts, proxies=proxies)


def _prepare(through: dict[str, str], nats: int, nats_proxy: int) -> Callable[[Addresses], Awaitable[None]]:
    async def prepare(addresses: Addresses) -> None:
        # The token in the address is known only now.
        through["NATS_URL"] = addresses.nats_url.replace(f":{nats}", f":{nats_proxy}")
        await prepare_records(addresses, project_id=1)

    return prepare


def proxied(addresses: Addresses, proxy: Proxy) -> Addresses:
    """Where a publisher finds NATS that is no more lucky than the platform's own parts."""
    head, _, _ = addresses.nats_url.rpartition(":")
    return replace(addresses, nats_url=f"{head}:{proxy.port}")
