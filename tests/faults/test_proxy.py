"""The proxy of the fault harness: it loses the answers it was told to lose, after the change was made, and no other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from fault_harness.conversation import HttpConversation, NatsConversation, PostgresConversation
from fault_harness.proxy import Proxy


@dataclass
class Server:
    """Counts the requests it has carried out, and answers each."""

    port: int = 0
    done: list[bytes] = field(default_factory=list)
    listening: asyncio.Server | None = None

    async def start(self) -> None:
        self.listening = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self.listening.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (head := await reader.readline()).strip():
            await reader.readline()
            self.done.append(head.split()[0])
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        writer.close()

    def stop(self) -> None:
        assert self.listening is not None
        self.listening.close()


@dataclass
class Line:
    """A server behind a proxy."""

    server: Server
    proxy: Proxy
    dropped: list[tuple[str, str]]

    async def ask(self, method: str) -> bytes:
        """What comes back for a request on a connection of its own; nothing where the connection is closed on it."""
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.proxy.port)
            writer.write(f"{method} /api/flow_runs/1 HTTP/1.1\r\n\r\n".encode())
            answer = await reader.readline()
            writer.close()
            return answer
        except ConnectionResetError:
            return b""

    async def refuses(self) -> bool:
        """Whether nobody listens."""
        try:
            await self.ask("POST")
        except ConnectionRefusedError:
            return True
        return False

    async def until(self, *, refusing: bool) -> None:
        """Wait for the proxy to notice what has become of the server."""
        for _ in range(500):
            if await self.refuses() == refusing:
                return
            await asyncio.sleep(0.01)
        pytest.fail(f"the proxy {'takes' if refusing else 'refuses'} connections still")


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    server, dropped = Server(), list[tuple[str, str]]()
    await server.start()
    proxy = Proxy("API", server.port, HttpConversation, dropped=lambda *what: dropped.append(what))
    await proxy.start()
    yield Line(server, proxy, dropped)
    await proxy.stop()
    server.stop()


async def test_without_an_order_every_answer_gets_through(line: Line) -> None:
    assert await line.ask("POST") == b"HTTP/1.1 200 OK\r\n"
    assert line.dropped == []


async def test_the_ordered_answer_is_lost_after_the_server_has_made_the_change(line: Line) -> None:
    line.proxy.order(1)
    assert [bool(await line.ask(method)) for method in ("POST", "PATCH", "POST")] == [True, False, True]
    assert line.server.done == [b"POST", b"PATCH", b"POST"]
    assert line.dropped == [("API", "PATCH /flow_runs/1")]


async def test_the_answer_to_a_question_is_never_lost(line: Line) -> None:
    line.proxy.order(0)
    assert await line.ask("GET")
    assert line.dropped == []


async def test_an_order_that_was_countermanded_is_not_carried_out(line: Line) -> None:
    line.proxy.order(0)
    line.proxy.countermand()
    assert await line.ask("POST")


async def test_while_the_server_is_down_connections_are_refused_and_then_taken_on_the_same_port(
    line: Line,
) -> None:
    line.server.stop()
    assert await line.ask("POST") == b""  # the first one shows that it is down
    await line.until(refusing=True)
    await line.server.start()
    await line.until(refusing=False)
    assert await line.ask("POST")


@pytest.mark.parametrize(
    ("talk", "request_", "asked", "answer", "other"),
    [
        (HttpConversation(), b"POST /api/flow_runs/filter HTTP/1.1\r\n\r\n", None, b"", b"HTTP/1.1 200 OK\r\n"),
        (
            HttpConversation(),
            b"POST /api/flow_runs/0f5e58f2-5a2c-4a0e-9a3e-2f3f3c1c7a11/set_state HTTP/1.1\r\n\r\n",
            "POST /flow_runs/…/set_state",
            b"HTTP/1.1 201 Created\r\n",
            b"HTTP/1.1 503 Service Unavailable\r\n",
        ),
        (
            NatsConversation(),
            b"HPUB workflow.started.x _INBOX.a.b 12 14\r\n",
            "publish workflow.started",
            b'MSG _INBOX.a.b 1 9\r\n{"seq":1}\r\n',
            b"MSG _INBOX.a.c 1 0\r\n\r\n",
        ),
        (NatsConversation(), b"PUB $JS.API.INFO _INBOX.a.b 0\r\n", None, b"", b"PONG\r\n"),
        (
            PostgresConversation(),
            b"Q\0\0\0\x0bCOMMIT\0",
            "COMMIT",
            b"C\0\0\0\x0bCOMMIT\0Z",
            b"C\0\0\0\rROLLBACK\0Z",
        ),
        (PostgresConversation(), b"Q\0\0\0\x0dSELECT 1\0", None, b"", b"T\0"),
    ],
)
def test_of_each_protocol_changes_and_their_answers_are_known(talk, request_, asked, answer, other) -> None:
    assert talk.asks(request_) == asked
    assert asked is None or talk.answers(answer)
    assert asked is None or not talk.answers(other)
