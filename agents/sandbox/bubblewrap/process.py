"""A jail's process, from its start to the end of all in it."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
from collections.abc import Callable, Sequence

from agents.sandbox.bubblewrap.cgroup import Group
from agents.sandbox.bubblewrap.process_tree import kill_tree, tree, wait_for_memory_above
from agents.sandbox.inside.order import LaunchOrder, WarmMessage
from agents.sandbox.log_lines import LogStream
from agents.sandbox.outcome import ProcessEnd
from agents.sandbox.port import Limits
from agents.sandbox.report import JailRefused, framed, read_held, read_hello
from agents.sandbox.supervise import supervise

_START_SECONDS = 60.0
"""For the jail itself; the agent's own time begins afterwards."""
_WATCH_SECONDS = 0.2
_PIPE_BYTES = 1 << 16


class JailBroken(Exception):
    """The jail ended before the launcher ran in it."""


class Jail:
    """One bubblewrap process and the pipes to the launcher in it."""

    def __init__(self, limits: Limits, group: Group | None) -> None:
        self._limits, self._group = limits, group
        self._process: asyncio.subprocess.Process | None = None
        self._report: asyncio.StreamReader | None = None
        self._transport: asyncio.ReadTransport | None = None
        self._orders: io.FileIO | None = None
        """Open while a warm jail waits for its request."""
        self.held: dict[str, str] = {}
        """Limit -> what enforces it."""

    async def start(
        self,
        make_command: Callable[[tuple[int, int]], Sequence[str]],
        order: LaunchOrder,
        *,
        keep: tuple[int, ...],
    ) -> None:
        """Start the jail and, once it stands, the agent; or, without a request, what waits for one.

        Raises JailBroken, JailRefused.
        """
        order_read, order_write = os.pipe()
        report_read, report_write = os.pipe()
        orders = os.fdopen(order_write, "wb", 0)
        try:
            self._process = await asyncio.create_subprocess_exec(
                *make_command((order_read, report_write)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                pass_fds=(order_read, report_write, *keep),
                env={},
                cwd="/",
                start_new_session=True,
            )
        except OSError as exc:
            orders.close()
            raise JailBroken(f"it could not be started: {exc}") from exc
        finally:
            os.close(order_read)
            os.close(report_write)
            await self._connect(report_read)
        try:
            async with asyncio.timeout(_START_SECONDS):
                await self._begin(orders, order)
        except TimeoutError as exc:
            raise JailBroken(f"it did not start within {_START_SECONDS:g} s") from exc
        except ValueError as exc:
            raise JailBroken("the launcher's report is malformed") from exc
        finally:
            if order["request"] is None:
                self._orders = orders
            else:
                orders.close()

    @property
    def alive(self) -> bool:
        """Whether its first process is still there."""
        return self._process is not None and self._process.returncode is None

    async def hand_over(self, message: WarmMessage) -> None:
        """Give a warm jail its request; the agent starts with it."""
        assert self._orders is not None
        orders, self._orders = self._orders, None
        try:
            await _send(orders, framed(message))
        finally:
            orders.close()

    def kill(self) -> None:
        """End its processes; `end` also waits for that."""
        if self._process is not None and self._process.returncode is None:
            kill_tree(self._process.pid)

    async def attend(self, stream: LogStream) -> ProcessEnd:
        """Follow the agent to its end, or end it when it goes over a limit that is kept from outside."""
        assert self._process is not None
        assert self._process.stdout is not None
        assert self._report is not None
        pid = self._process.pid
        return await supervise(
            self._limits,
            stream,
            report=self._report,
            logs=self._process.stdout,
            watch=self._watch_memory(),
            kill=lambda: kill_tree(pid),
            out_of_memory=lambda: self._group is not None and self._group.out_of_memory(),
        )

    async def end(self) -> None:
        """Kill what is left of it."""
        if self._orders is not None:
            self._orders.close()
        if self._transport is not None:
            self._transport.close()
        if self._process is not None:
            self.kill()
            await self._drain()
            await self._process.wait()

    async def _drain(self) -> None:
        # asyncio only notices the end of a process whose output is read.
        assert self._process is not None
        assert self._process.stdout is not None
        while await self._process.stdout.read(_PIPE_BYTES):
            pass

    async def _connect(self, report_read: int) -> None:
        loop = asyncio.get_running_loop()
        self._report = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(self._report)
        pipe = os.fdopen(report_read, "rb", 0)
        self._transport, _ = await loop.connect_read_pipe(lambda: protocol, pipe)

    async def _begin(self, orders: io.FileIO, order: LaunchOrder) -> None:
        assert self._process is not None
        assert self._report is not None
        if not await read_hello(self._report):
            assert self._process.stdout is not None
            said = (await self._process.stdout.read(4096)).decode(errors="replace").strip()
            raise JailBroken(said or "bwrap ended without a message")
        self._join_group(order)
        await _send(orders, framed(order))
        if order["request"] is not None:
            orders.close()
        self.held = await read_held(self._report)
        self.held |= {} if self._group is None else self._group.held
        self.held.setdefault("memory-in-all", "cgroup" if order["memory_counted"] else "watched")
        self.held |= {"time": "watched", "log": "watched", "tmp": "tmpfs", "network": "namespace"}

    def _join_group(self, order: LaunchOrder) -> None:
        assert self._process is not None
        if self._group is None:
            return
        try:
            # The launcher is the last of the line; all that runs later is its offspring. Moving a process takes
            # the kernel milliseconds, so bubblewrap's own two stay where they are.
            self._group.add(tree(self._process.pid)[-1])
        except OSError as exc:
            raise JailRefused(f"the control group: {exc}", entered=False) from exc

    async def _watch_memory(self) -> None:
        assert self._process is not None
        if self._group is not None and self._group.memory:
            # The kernel ends one process for it; the rest would go on, or wait for it, without meaning.
            while not self._group.out_of_memory():  # noqa: ASYNC110
                await asyncio.sleep(_WATCH_SECONDS)
            return
        await wait_for_memory_above(self._process.pid, megabytes=self._limits.memory_mb)


async def _send(pipe: io.FileIO, content: bytes) -> None:
    if len(content) <= _PIPE_BYTES:
        # Fits into the empty pipe: no thread is needed to wait for the reader.
        _write_all(pipe, content)
    else:
        await asyncio.to_thread(_write_all, pipe, content)


def _write_all(pipe: io.FileIO, content: bytes) -> None:
    view = memoryview(content)
    # A launcher that has ended says so by the end of its report.
    with contextlib.suppress(BrokenPipeError):
        while view:
            view = view[pipe.write(view) :]
