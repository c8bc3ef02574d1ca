"""Requests that are too large are refused before they are read."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import problem

MAX_BODY_BYTES = 1024 * 1024


class _TooLarge(Exception):
    """More bytes came than are taken."""


class BodyLimit:
    """ASGI middleware: at most `max_bytes` of body, whether or not the request tells its length."""

    def __init__(self, app: ASGIApp, max_bytes: int = MAX_BODY_BYTES) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        taken, answered = 0, False

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self._max_bytes:
                raise _TooLarge
            return message

        async def noted(message: Message) -> None:
            nonlocal answered
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

    def _told(self, scope: Scope) -> int:
        length = dict(scope["headers"]).get(b"content-length", b"0")
        return int(length) if length.isdigit() else 0
