"""Requests that are too large are refused before they are read, and those whose body comes too slowly are ended."""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import problem

MAX_BODY_BYTES = 1024 * 1024
BODY_SECONDS = 30.0
"""A body is there as a whole within this time after its head."""


class _TooLarge(Exception):
    """More bytes came than are taken."""


class _TooSlow(Exception):
    """The body was not there in time."""


class BodyLimit:
    """ASGI middleware: at most `max_bytes` of body, whether or not the request tells its length, within `seconds`."""

    def __init__(self, app: ASGIApp, max_bytes: int = MAX_BODY_BYTES, seconds: float | None = None) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._seconds = BODY_SECONDS if seconds is None else seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        taken, answered, whole, late = 0, False, False, False
        ends = asyncio.get_running_loop().time() + self._seconds

        async def counted() -> Message:
            nonlocal taken, whole, late
            if whole:  # what comes now is the end of the connection, for which streams wait
                return await receive()
            try:
                async with asyncio.timeout_at(ends):
                    message = await receive()
            except TimeoutError as exc:
                late = True
                raise _TooSlow from exc
            whole = not message.get("more_body", False)
            taken += len(message.get("body", b""))
            if taken > self._max_bytes:
                raise _TooLarge
            return message

        async def noted(message: Message) -> None:
            nonlocal answered
            if late and not answered:
                raise _TooSlow  # FastAPI answers 400 to whatever goes wrong while it reads a body
            answered = True
            await send(message)

        try:
            if self._told(scope) > self._max_bytes:
                raise _TooLarge
            await self._app(scope, counted, noted)
        except _TooLarge:
            if answered:
                raise
            detail = f"the body is larger than {self._max_bytes:,} bytes"
            await problem(413, detail)(scope, receive, send)
        except _TooSlow:
            if answered:
                raise
            detail = f"the body was not there within {self._seconds:g} seconds"
            await problem(408, detail, headers={"Connection": "close"})(scope, receive, send)

    def _told(self, scope: Scope) -> int:
        length = dict(scope["headers"]).get(b"content-length", b"0")
        return int(length) if length.isdigit() else 0
