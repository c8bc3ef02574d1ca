"""A port of this machine -> another one, with an answer lost now and then: the change is made, and nobody hears of it.

An answer is dropped only after the server has given it, so whatever it says has been carried out. Where the server is
down, this port refuses connections as the server's own would.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from fault_harness.conversation import Conversation

_LOOK_SECONDS = 0.05
_CHUNK = 65_536


class Proxy:
    """Stands before one server; `dropped` is told what was asked each time that an answer is lost."""

    def __init__(
        self, name: str, target: int, talk: Callable[[], Conversation], *, dropped: Callable[[str, str], None]
    ) -> None:
        self.name = name
        self.port = 0
        self._target = target
        self._talk = talk
        self._dropped = dropped
        self._to_pass: int | None = None
        self._done = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._waiting: asyncio.Task[None] | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen; on a free port at first, on the same one ever after."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """End all connections, and listen no more."""
        tasks = [*self._connections, *([self._waiting] if self._waiting else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._server is not None:
            self._server.close()

    def order(self, to_pass: int) -> None:
        """Drop the answer to a change, after so many others."""
        self._to_pass = to_pass
        self._done.clear()

    async def carried_out(self) -> None:
        """Wait until the answer was dropped."""
        await self._done.wait()

    def countermand(self) -> None:
        """Drop nothing that was not dropped yet."""
        self._to_pass = None

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._join(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answers, requests = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            self._refuse()
            return
        link = _Link(self._talk())
        ways = [
            asyncio.create_task(self._forward(reader, requests, link)),
            asyncio.create_task(self._back(answers, writer, link)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for channel in ways:
                channel.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            requests.transport.abort()
            writer.transport.abort()
        if link.left_by_server:
            self._refuse()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: _Link) -> None:
        with suppress(OSError):
            while data := await reader.read(_CHUNK):
                link.asked = link.talk.asks(data) or link.asked
                writer.write(data)
                await writer.drain()

    async def _back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: _Link) -> None:
        with suppress(OSError):
            while data := await reader.read(_CHUNK):
                if link.asked is not None and link.talk.answers(data):
                    asked, link.asked = link.asked, None
                    if self._is_due():
                        self._dropped(self.name, asked)
                        self._done.set()
                        return
                writer.write(data)
                await writer.drain()
        link.left_by_server = True

    def _is_due(self) -> bool:
        if self._to_pass is None:
            return False
        due = self._to_pass == 0
        self._to_pass = None if due else self._to_pass - 1
        return due

    def _refuse(self) -> None:
        """See whether the server is down; until it is back, nobody can connect here either."""
        if self._waiting is None or self._waiting.done():
            self._waiting = asyncio.create_task(self._wait_for_server())

    async def _wait_for_server(self) -> None:
        while not await self._server_listens():
            if self._server is not None:
                self._server.close()
                self._server = None
            await asyncio.sleep(_LOOK_SECONDS)
        if self._server is None:
            await self.start()

    async def _server_listens(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            return False
        writer.transport.abort()
        return True


class _Link:
    """One connection through the proxy."""

    def __init__(self, talk: Conversation) -> None:
        self.talk = talk
        self.asked: str | None = None
        """The change whose answer is still to come."""
        self.left_by_server = False
