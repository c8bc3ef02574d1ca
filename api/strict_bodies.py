"""Requests with JSON -> those whose JSON every reader reads alike reach the application."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from api.problems import problem
from reliability import strict_json
from reliability.whole_bodies import whole_body

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send


_SMALL_BYTES = 1 << 16


class StrictBodies:
    """ASGI middleware: 422 where an object has a key twice, a number is not finite or does not fit into 64 bits.

    An event with such a payload is a dead letter; FastAPI would let the last of two equal keys win. What is no JSON at
    all is passed on, and answered there.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body, and pass it on as one message unless it is refused."""
        # FastAPI reads a body of no type as JSON, too.
        if scope["type"] != "http" or b"json" not in dict(scope["headers"]).get(b"content-type", b"json").lower():
            await self._app(scope, receive, send)
            return
        body, again = await whole_body(receive)
        if body is not None and (fault := await _fault_aside(body)) is not None:
            await problem(422, f"the body is not in order: {fault}")(scope, receive, send)
            return
        await self._app(scope, again, send)


async def _fault_aside(body: bytes) -> str | None:
    """A large one in a thread: with what FastAPI does to it, it would hold up all other requests too long."""
    return _fault(body) if len(body) <= _SMALL_BYTES else await asyncio.to_thread(_fault, body)


def _fault(body: bytes) -> str | None:
    try:
        strict_json.loads(body.decode("utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError, strict_json.TooDeep):
        return None
    except ValueError as exc:
        return str(exc)
    return None
