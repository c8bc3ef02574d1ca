"""A container's execution and the two sockets it answers on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from agents.sandbox.bubblewrap.process import JailBroken
from agents.sandbox.dagger.session import reason
from agents.sandbox.inside.order import LaunchOrder
from agents.sandbox.log_lines import LogStream
from agents.sandbox.outcome import ProcessEnd
from agents.sandbox.port import Limits
from agents.sandbox.report import framed, read_held, read_hello
from agents.sandbox.supervise import supervise

if TYPE_CHECKING:
    import dagger

_START_SECONDS = 300.0
"""Uploads and, the first time, the image count here; the agent's own time begins afterwards."""
_END_SECONDS = 3.0
"""How long a container may take to end once it was told to."""
LINGER_SECONDS = 60.0
"""How long the engine may take to note the end of a container whose agent has ended by itself."""
_LIMIT = 1 << 20


class ContainerJail:
    """One run in a container. Leaving it ends the container."""

    def __init__(self, limits: Limits, folder: Path) -> None:
        self._limits, self._folder = limits, folder
        self._servers: list[asyncio.Server] = []
        loop = asyncio.get_running_loop()
        self._control: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = loop.create_future()
        self._log: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = loop.create_future()
        self._execution: asyncio.Task[None] | None = None
        self._ended = False
        """The launcher has said how the agent ended, and ends itself."""
        self.held: dict[str, str] = {}
        """Limit -> what enforces it."""

    async def __aenter__(self) -> ContainerJail:
        for name, arrived in (("control", self._control), ("log", self._log)):
            self._servers.append(await self._serve(name, arrived))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for arrived in (self._control, self._log):
            if arrived.done() and not arrived.cancelled():
                # The launcher's end of the control socket closes, and the container ends with it.
                arrived.result()[1].close()
        for server in self._servers:
            server.close()
        if self._execution is not None and not (self._ended and error is None):
            await _end(self._execution, _END_SECONDS)

    def remainder(self) -> Coroutine[None, None, None] | None:
        """After the jail was left: what is still to be waited for, though no longer by the agent's run.

        The engine notes how the container ended; an execution that is cancelled before would stand there as failed.
        """
        execution = self._execution
        return None if execution is None or execution.done() else _end(execution, LINGER_SECONDS)

    async def start(self, execution: dagger.Container, order: LaunchOrder) -> None:
        """Start the container and, once the jail in it stands, the agent. Raises JailBroken, Refused."""
        self._execution = asyncio.create_task(_execute(execution))
        try:
            async with asyncio.timeout(_START_SECONDS):
                await self._begin(order)
        except TimeoutError as exc:
            raise JailBroken(f"the container did not start within {_START_SECONDS:g} s") from exc
        except (OSError, ValueError) as exc:
            raise JailBroken(f"the report of the container's launcher is malformed: {exc}") from exc

    async def attend(self, stream: LogStream) -> ProcessEnd:
        """Follow the agent to its end."""
        report, logs = self._control.result(), self._log.result()
        ending = await supervise(
            self._limits,
            stream,
            report=report[0],
            logs=logs[0],
            watch=_never(),
            kill=report[1].close,
            out_of_memory=lambda: False,
        )
        self._ended = ending.report is not None
        return ending

    async def _begin(self, order: LaunchOrder) -> None:
        assert self._execution is not None
        await asyncio.wait(
            {self._execution, asyncio.ensure_future(asyncio.gather(self._control, self._log))},
            return_when=asyncio.FIRST_COMPLETED,
        )
        if not self._control.done() or not self._log.done():
            error = self._execution.exception() if self._execution.done() else None
            raise JailBroken(
                f"the container ended before the jail stood: {reason(error) if error else 'no reason given'}"
            )
        reader, writer = self._control.result()
        if not await read_hello(reader):
            said = await self._log.result()[0].read(4096)
            raise JailBroken(f"bubblewrap made no jail in the container: {said.decode(errors='replace').strip()}")
        writer.write(framed(order))
        await writer.drain()
        self.held = await read_held(reader)
        self.held |= {"memory-in-all": "watched", "time": "watched", "log": "watched", "tmp": "tmpfs"}
        self.held["network"] = "namespace"

    async def _serve(
        self, name: str, arrived: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]]
    ) -> asyncio.Server:
        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if arrived.done():
                writer.close()
            else:
                arrived.set_result((reader, writer))

        return await asyncio.start_unix_server(accept, self._folder / name, limit=_LIMIT)


async def _end(execution: asyncio.Task[None], seconds: float) -> None:
    await asyncio.wait({execution}, timeout=seconds)
    execution.cancel()
    await asyncio.gather(execution, return_exceptions=True)


async def _execute(execution: dagger.Container) -> None:
    await execution.sync()


async def _never() -> None:
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.Event().wait()
