"""Settings → a running platform: NATS, Prefect's server, the worker and the listener as child processes.

    async with Stack(StackSettings(state=Path(".commandcenter"))) as stack:
        await stack.wait()

Entering waits until each part answers; leaving stops all of them. A part that dies in between is started again.
SIGTERM cancels the task that entered, as Ctrl-C does under `asyncio.run`; after kill -9 the kernel ends the parts.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, Self

from deployments.stack.addresses import Addresses, Part, given_secrets, remembered, shared_settings
from deployments.stack.free_ports import Ports
from deployments.stack.given_servers import require_nats, require_prefect
from deployments.stack.nats_server import PLATFORM, PUBLISHER, nats_server, write_settings
from deployments.stack.probe import FileProbe, HttpProbe, NatsProbe, Probe
from deployments.stack.process import Command
from deployments.stack.state_folder import StateFolder
from deployments.stack.supervised_process import SupervisedProcess
from observability.json_logs import as_json_line, log_format
from reliability.plaintext import refuse_plain_listener, refuse_plaintext
from reliability.public_address import VARIABLE as PUBLIC_ADDRESS
from reliability.settings import StackSettings, refuse_test_switches
from reliability.tls import ServerCertificate

# -P: a folder `agents` or `tasks` where `up` is started is the user's own, and no part of the platform.
_OWN_CODE = (sys.executable, "-P", "-m")


class Stack:
    """The parts of one platform on this machine.

    `prepare` runs when the addresses are known and NATS answers, and before the worker starts: the place for
    migrations. `report` is told of what happens to parts: (`part`, `started` | `ready` | `died` | `gave up`).
    `api_port`: where whoever holds the stack serves the HTTP API if it is free, so that events and messages link to it;
    None: it serves none.
    """

    def __init__(
        self,
        settings: StackSettings,
        *,
        prepare: Callable[[Addresses], Awaitable[None]] | None = None,
        report: Callable[[str, str], None] = lambda part, event: None,
        api_port: int | None = None,
    ) -> None:
        self.settings = settings
        self._api_port = api_port
        self._prepare = prepare
        self._report = report
        self._state = StateFolder(settings.state)
        self._ports = Ports()
        self._parts: list[SupervisedProcess] = []
        self._addresses: Addresses | None = None

    @property
    def addresses(self) -> Addresses:
        """Where everything is; known once the stack was entered."""
        if self._addresses is None:
            raise RuntimeError("the stack has no addresses before it is entered")
        return self._addresses

    @property
    def api_port(self) -> int | None:
        """Where to serve the HTTP API; known once the stack was entered."""
        return self._api_port

    @property
    def parts(self) -> dict[str, SupervisedProcess]:
        """The parts that were started, by name."""
        return {part.name: part for part in self._parts}

    async def __aenter__(self) -> Self:
        refuse_test_switches()  # here, and not only in the log of a part that does not start
        self._state.acquire()
        self._stop_on_sigterm()
        try:
            await self._start()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stop()

    async def wait(self) -> None:
        """Wait for ever; raises `PartFailed` when a part could not be brought back to life."""
        async with asyncio.TaskGroup() as group:
            for part in self._parts:
                group.create_task(part.given_up())

    async def _start(self) -> None:
        self._addresses = self._choose_addresses()
        await self._require_given()
        nats = self._add(self._nats()) if self.settings.given_nats_url is None else None
        server = self._add(self._server()) if self.settings.given_prefect_api_url is None else None
        try:
            async with asyncio.TaskGroup() as group:
                server_ready = None if server is None else group.create_task(server.start())
                if nats is not None:
                    await nats.start()
                if self._prepare is not None:
                    await self._prepare(self._addresses)
                if self.settings.worker:
                    # It waits for the server by itself, and has a second's worth of imports to do meanwhile.
                    group.create_task(self._add(self._worker()).start())
                if server_ready is not None:
                    await server_ready
                if self.settings.listener:
                    group.create_task(self._add(self._listener()).start())
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None

    async def _require_given(self) -> None:
        """Raises ServerUnreachable where a server that is to be used does not answer, or refuses what it was given."""
        if self.settings.given_prefect_api_url is not None:
            refuse_plaintext(self.addresses.api_url, "prefect")
            await require_prefect(self.addresses.api_url, self.addresses.prefect_auth)
        if self.settings.given_nats_url is not None:
            refuse_plaintext(self.addresses.nats_url, "nats")
            await require_nats(self.addresses.nats_url)

    async def _stop(self) -> None:
        # Those who use a part go before it.
        for part in reversed(self._parts):
            await part.stop()
        with contextlib.suppress(ValueError, RuntimeError):
            asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)
        self._ports.release()
        self._state.release()

    def _stop_on_sigterm(self) -> None:
        task = asyncio.current_task()
        # A loop outside of the main thread cannot handle signals; its children still die with the process.
        with contextlib.suppress(ValueError, RuntimeError):
            if task is not None:
                asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)

    def _choose_addresses(self) -> Addresses:
        settings, known = self.settings, self._state.remembered()
        passwords = {name: self._state.password(name) for name in (PLATFORM, PUBLISHER, "prefect")}
        ports = {name: known.get(name) for name in ("prefect_port", "nats_port")}
        auth = os.environ.get("PREFECT_SERVER_API_AUTH_STRING") or os.environ.get("PREFECT_API_AUTH_STRING")
        if settings.given_prefect_api_url is not None:
            api_url = settings.given_prefect_api_url.rstrip("/")
        else:
            ports["prefect_port"] = self._prefect_port(known)
            # Whatever it listens on, from this machine it is reached here.
            host = "127.0.0.1" if settings.host in ("0.0.0.0", "::", "") else settings.host
            certificate = ServerCertificate.load()
            refuse_plain_listener(settings.host, "prefect", tls=certificate is not None)
            web = "http" if certificate is None else "https"
            api_url = f"{web}://{host}:{ports['prefect_port']}/api"
            auth = auth or f"admin:{passwords['prefect']}"
        if settings.given_nats_url is not None:
            nats_url, publisher_url = settings.given_nats_url, ""
        else:
            port = ports["nats_port"] = self._nats_port(known)
            nats_url = f"nats://{PLATFORM}:{passwords[PLATFORM]}@127.0.0.1:{port}"
            publisher_url = f"nats://{PUBLISHER}:{passwords[PUBLISHER]}@127.0.0.1:{port}"
            write_settings(self._state, port=port, passwords=passwords, project_id=settings.project_id)
        ports["api_port"] = self._choose_api_port(known)
        addresses = Addresses(
            state=str(self._state.path),
            api_url=api_url,
            ui_url=api_url.removesuffix("/api"),
            nats_url=nats_url,
            publisher_url=publisher_url,
            prefect_auth=auth or "",
            database_url=settings.database_url or f"sqlite:///{self._state.path / 'records.db'}",
            pool=settings.pool,
            console_url=self._console_url(),
            shared=shared_settings(),
            secrets=given_secrets(),
        )
        self._state.remember(
            {
                **ports,
                "passwords": passwords,
                "project_id": settings.project_id,
                # For `commandcenter backup`.
                "prefect_database_url": settings.prefect_database_url,
                "pid": os.getpid(),
                "addresses": remembered(addresses),
            }
        )
        return addresses

    def _choose_api_port(self, known: Mapping[str, Any]) -> int | None:
        if self._api_port is None:
            return known.get("api_port")
        self._api_port = self._ports.choose(
            None,
            remembered=known.get("api_port"),
            part="the HTTP API",
            option=PUBLIC_ADDRESS,
            preferred=self._api_port,
        )
        return self._api_port

    def _console_url(self) -> str:
        """An address that is set is not second-guessed: it may be that of a proxy."""
        given = os.environ.get(PUBLIC_ADDRESS, "").strip().rstrip("/")
        if given or self._api_port is None:
            return given
        return f"{'http' if ServerCertificate.load() is None else 'https'}://127.0.0.1:{self._api_port}"

    def _prefect_port(self, known: Mapping[str, Any]) -> int:
        return self._ports.choose(
            self.settings.prefect_port,
            remembered=known.get("prefect_port"),
            part="Prefect's server",
            option="--prefect-port",
            host=self.settings.host,
            preferred=4200,
        )

    def _nats_port(self, known: Mapping[str, Any]) -> int:
        return self._ports.choose(
            self.settings.nats_port,
            remembered=known.get("nats_port"),
            part="NATS",
            option="--nats-port",
            preferred=4222,
        )

    def _nats(self) -> SupervisedProcess:
        port = int(self.addresses.nats_url.rpartition(":")[2])
        settings = self._state.path / "run" / "nats.conf"
        return self._part("nats", [nats_server(), "--config", str(settings)], probe=NatsProbe(port))

    def _server(self) -> SupervisedProcess:
        port = self.addresses.ui_url.rpartition(":")[2]
        database = self.settings.prefect_database_url
        return self._part(
            "prefect",
            [
                *_OWN_CODE,
                "deployments.prefect_server",
                "--host",
                self.settings.host,
                "--port",
                port,
            ],
            probe=HttpProbe(f"{self.addresses.api_url}/health"),
            env={"PREFECT_API_DATABASE_CONNECTION_URL": database} if database else {},
        )

    def _worker(self) -> SupervisedProcess:
        limit = self.settings.worker_limit
        name = f"embedded-{socket.gethostname()}"
        options = ["--pool", self.settings.pool, "--name", name, *(["--limit", str(limit)] if limit else [])]
        return self._python("worker", ["deployments.worker", *options])

    def _listener(self) -> SupervisedProcess:
        return self._python("listener", ["triggers"])

    def _python(self, name: Part, module: list[str]) -> SupervisedProcess:
        """A part without a port: it creates the file `COMMANDCENTER_READY_FILE` when it is at work."""
        ready = self._state.path / "run" / f"{name}.ready"
        return self._part(
            name,
            [*_OWN_CODE, *module],
            probe=FileProbe(ready),
            env={"COMMANDCENTER_READY_FILE": str(ready)},
        )

    def _part(
        self,
        name: Part,
        arguments: list[str],
        *,
        probe: Probe,
        env: dict[str, str] | None = None,
    ) -> SupervisedProcess:
        command = Command(
            name=name,
            arguments=arguments,
            env={**self.addresses.child_env(part=name), **(env or {})},
            # The worker makes files for agents, who are other users.
            umask=None if name == "worker" else 0o077,
            log=self._state.logs / f"{name}.log",
            # The worker hands its runs back, and JetStream writes what it has in memory.
            grace=15,
            # Also of what cannot write JSON itself, such as NATS.
            line=functools.partial(as_json_line, part=name) if log_format() == "json" else None,
        )
        return SupervisedProcess(command, probe=probe, timeout=self.settings.start_timeout, report=self._report)

    def _add(self, part: SupervisedProcess) -> SupervisedProcess:
        self._parts.append(part)
        return part
