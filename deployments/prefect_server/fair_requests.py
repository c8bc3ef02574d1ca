"""Requests to Prefect's API -> a few at a time, those of each project in turn.

The server computes one request at a time, and with SQLite writes one at a time. What waits for that waits in the order
in which it came, so that each request of a project that does little waits for all that another project has begun: a
run makes some twenty of them one after the other. Our parts say in a header for which project they ask.

A place is held until the answer begins: by then it is computed, and a client that reads slowly must hold up nobody.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from reliability.turns import Turns
from tasks.prefect_lanes import HEADER

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

AT_ONCE_SQLITE, AT_ONCE = 2, 8
_MOST_NAME = 40


class FairRequests:
    """ASGI middleware. Websockets are not counted: they stay open."""

    def __init__(self, app: ASGIApp, *, at_once: int) -> None:
        self._app = app
        self._turns = Turns(at_once)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on when it is its turn."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        async with AsyncExitStack() as place:
            await place.enter_async_context(self._turns.turn(_lane(scope)))

            async def begun(message: Message) -> None:
                if message["type"] == "http.response.start":
                    await place.aclose()
                await send(message)

            await self._app(scope, receive, begun)


def _lane(scope: Scope) -> bytes:
    name = HEADER.encode()
    return next((value[:_MOST_NAME] for key, value in scope["headers"] if key == name), b"")
