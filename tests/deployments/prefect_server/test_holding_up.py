"""Clients that hold connections, bodies, answers and websockets: with and without the password, nobody else waits."""

from __future__ import annotations

import asyncio
import base64
import logging
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from prefect.server.utilities.subscriptions import accept_prefect_socket
from prefect.settings import PREFECT_SERVER_API_AUTH_STRING, temporary_settings
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from deployments.prefect_server.fair_requests import FairRequests
from deployments.prefect_server.password_first import PasswordFirst, PasswordMissing, require_password
from deployments.prefect_server.readable_bodies import ReadableBodies
from reliability.slow_requests import LIMITS_WITH_WEBSOCKETS, ImpatientProtocol

PASSWORD = "admin:secret"
RIGHT = f"Basic {base64.b64encode(PASSWORD.encode()).decode()}"
LARGE = b"x" * 30_000_000
"""More than the kernel keeps for a client that does not read."""


@dataclass
class Served:
    """The server's middleware, in its order and with two places, around an application that counts its requests."""

    port: int = 0
    asked: list[str] = field(default_factory=list[str])

    def web(self, **headers: str) -> httpx.AsyncClient:
        base = f"http://127.0.0.1:{self.port}"
        return httpx.AsyncClient(base_url=base, trust_env=False, headers=headers, timeout=10)

    async def say(self, head: str, *pieces: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(f"{head}\r\nHost: 127.0.0.1\r\n".encode() + b"".join(pieces))
        await writer.drain()
        return reader, writer


@pytest.fixture
async def served(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    monkeypatch.setattr(ImpatientProtocol, "head_seconds", 1.0)
    found = Served()

    async def answer(request: Request) -> Response:
        found.asked.append(request.url.path)
        return JSONResponse(len(await request.body()))

    async def large(_request: Request) -> Response:
        return PlainTextResponse(LARGE)

    async def echo(websocket: WebSocket) -> None:
        accepted = await accept_prefect_socket(websocket)
        while accepted:
            await accepted.send_text(await accepted.receive_text())

    inner = Starlette(
        routes=[
            Route("/api/large", large),
            WebSocketRoute("/api/events/in", echo),
            Route("/{path:path}", answer, methods=["GET", "POST", "DELETE"]),
        ]
    )
    app: Any = ReadableBodies(FairRequests(inner, at_once=2), most=200_000, seconds=1)
    app = PasswordFirst(app, password=PASSWORD, path="/api", seconds=1)
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1, **LIMITS_WITH_WEBSOCKETS)
    server = uvicorn.Server(config)
    config.load()
    async with AsyncExitStack() as ends:
        ends.enter_context(temporary_settings({PREFECT_SERVER_API_AUTH_STRING: PASSWORD}))
        listening = await asyncio.get_running_loop().create_server(
            lambda: config.http_protocol_class(config=config, server_state=server.server_state, app_state={}),  # type: ignore[call-arg, misc]
            "127.0.0.1",
            0,
        )
        found.port = listening.sockets[0].getsockname()[1]
        yield found
        listening.close()


async def test_who_has_no_password_is_refused_before_a_body_and_holds_no_place(served: Served) -> None:
    slow = [
        await served.say(
            "POST /api/flow_runs/filter HTTP/1.1",
            f"Authorization: {shown}\r\n".encode() if shown else b"",
            b"Content-Length: 1000\r\n\r\n{",
        )
        for shown in ("", "Basic", "Basic !", "Bearer x", RIGHT.replace("Basic", "basic"), "Basic eDp5")
    ]
    for reader, writer in slow:
        assert (await asyncio.wait_for(reader.readline(), 10)).startswith(b"HTTP/1.1 401 ")
        writer.close()
    async with served.web() as web:
        assert (await web.get("/api/health")).status_code == 200
        assert (await web.get("/other")).status_code == 200
        for method, path in (
            ("POST", "/api/health"),
            ("GET", "/api/health/"),
            ("GET", "/api/health/x"),
            ("GET", "/api//health"),
            ("GET", "/api/variables/name/health"),
            ("GET", "/api"),
            ("GET", "/%61pi/flows"),
            ("DELETE", "/api/flows/1"),
        ):
            assert (await web.request(method, path)).status_code == 401, (method, path)
    assert served.asked == ["/api/health", "/other"]


async def test_with_the_password_neither_slow_bodies_nor_slow_readers_hold_a_place(served: Served) -> None:
    head = f"Authorization: {RIGHT}\r\n".encode()
    bodies = [await served.say("POST /api/x HTTP/1.1", head, b"Content-Length: 1000\r\n\r\n{") for _ in range(4)]
    readers = [await served.say("GET /api/large HTTP/1.1", head, b"\r\n") for _ in range(4)]
    async with served.web(authorization=RIGHT) as web:
        assert (await asyncio.wait_for(web.post("/api/y", content=b"12345"), 0.9)).json() == 5
        for reader, _ in bodies:
            assert (await asyncio.wait_for(reader.readline(), 10)).startswith(b"HTTP/1.1 408 ")
        assert (await web.post("/api/y", content=b"1" * 200_001)).status_code == 413
        assert (await web.request("DELETE", "/api/y", content=b"1" * 200_001)).status_code == 413
        assert (await web.get("/api/y")).status_code == 200
    assert served.asked == ["/api/y", "/api/y"]
    for _, writer in (*bodies, *readers):
        writer.transport.abort()


async def test_a_websocket_without_its_first_message_is_closed_and_one_with_it_stays(served: Served) -> None:
    url, prefects = f"ws://127.0.0.1:{served.port}/api/events/in", [Subprotocol("prefect")]
    async with connect(url, subprotocols=prefects) as good, connect(url, subprotocols=prefects) as silent:
        await good.send(f'{{"type": "auth", "token": "{PASSWORD}"}}')
        assert "auth_success" in str(await good.recv())
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(silent.recv(), 10)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1008
        # Longer than a head and a first message may take.
        await asyncio.sleep(1.2)
        await good.send("still here")
        assert await good.recv() == "still here"
        async with connect(url, subprotocols=prefects) as wrong:
            await wrong.send('{"type": "auth", "token": "x:y"}')
            with pytest.raises(ConnectionClosed):
                await asyncio.wait_for(wrong.recv(), 10)


async def test_wrong_passwords_are_logged_without_them_and_slowed_and_the_right_one_always_counts(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        async with served.web() as web:
            wrong = [(await web.get("/api/x", auth=("admin", f"guess-{n}"))).status_code for n in range(25)]
            assert set(wrong[:20]) == {401}
            assert set(wrong[21:]) == {429}
            assert (await web.get("/api/x", auth=("admin", "secret"))).status_code == 200
            assert (await web.get("/api/x")).status_code == 401  # a page before somebody has signed in
    told = [each.message for each in caplog.records if "127.0.0.1" in each.message]
    assert len(told) == 21
    assert "guess" not in caplog.text


def test_a_server_that_would_let_everybody_in_is_refused(tmp_path: Path) -> None:
    require_password(None, host="127.0.0.1", production=False)
    require_password("a:b", host="0.0.0.0", production=True)
    for host, production in (("127.0.0.1", True), ("0.0.0.0", False), ("10.0.0.1", True)):
        with pytest.raises(PasswordMissing, match="PREFECT_SERVER_API_AUTH_STRING"):
            require_password("", host=host, production=production)
    env = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    env |= {"COMMANDCENTER_MODE": "production", "PREFECT_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "deployments.prefect_server", "--port", "1"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1
    assert "error: Prefect's API would ask nobody for a password" in done.stderr
    assert "Traceback" not in done.stderr
