"""Requests of several projects at once: none of them waits behind all of another's."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import httpx
from prefect.client.orchestration import PrefectClient

from deployments.prefect_server.fair_requests import FairRequests
from reliability.turns import LANE, Turns
from tasks.prefect_lanes import HEADER, say_lane


class Server:
    """An application that answers when it is let, and notes the order in which it began."""

    def __init__(self) -> None:
        self.began: list[str] = []
        self.goes_on = asyncio.Event()
        self.two_began = asyncio.Event()

    async def __call__(self, scope: Any, _receive: Any, send: Any) -> None:
        self.began.append(dict(scope["headers"]).get(HEADER.encode(), b"").decode())
        if len(self.began) == 2:
            self.two_began.set()
        await self.goes_on.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def _asked(app: Any, lane: str) -> None:
    async def nothing(*_: object) -> None: ...

    await app({"type": "http", "headers": [(HEADER.encode(), lane.encode())]}, nothing, nothing)


async def test_a_request_of_one_project_does_not_wait_behind_those_of_another() -> None:
    server = Server()
    app = FairRequests(cast("Any", server), at_once=2)
    requests = [asyncio.create_task(_asked(app, lane)) for lane in ["one"] * 400 + ["two"] * 3 + [""]]
    await server.two_began.wait()
    assert server.began == ["one", "one"]  # no more at a time
    server.goes_on.set()
    await asyncio.gather(*requests)
    # The next are of those who wait, and nobody's last request is the last of all.
    assert set(server.began[2:5]) >= {"two", ""}
    assert max(index for index, lane in enumerate(server.began) if lane == "two") < 12
    assert len(server.began) == 404


async def test_who_leaves_while_waiting_takes_no_place() -> None:
    turns, held = Turns(1), asyncio.Event()

    async def hold(lane: str) -> None:
        async with turns.turn(lane):
            await held.wait()

    first, second, third = (asyncio.create_task(hold(lane)) for lane in ("one", "two", "three"))
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.wait([second])
    held.set()
    await asyncio.gather(first, third)
    async with turns.turn("one"):
        pass


async def test_a_client_says_for_which_project_its_task_asks() -> None:
    seen: list[str | None] = []

    def answered(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get(HEADER))
        return httpx.Response(200, json=True)

    client = PrefectClient("http://127.0.0.1:9/api", httpx_settings={"transport": httpx.MockTransport(answered)})
    say_lane(client)

    async def ask(lane: str | None) -> None:
        LANE.set(lane)
        await client.request("GET", "/health")

    for lane in ("project-1", None, "project-2"):
        await asyncio.create_task(ask(lane))
    assert seen == ["project-1", None, "project-2"]
