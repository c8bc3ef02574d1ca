"""An ASGI request's messages -> its body in one piece, and the same messages again for the application."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import Message, Receive


class BodyRefused(ValueError):
    """The body was larger, or slower, than is taken. `status`: how that is answered in HTTP."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


async def whole_body(
    receive: Receive, *, most: int | None = None, seconds: float | None = None
) -> tuple[bytes | None, Receive]:
    """The body, and what the application reads instead of `receive`; None: the client left before it was there.

    `most`: bytes that are taken; `seconds`: the time that it may take. Raises BodyRefused.
    """
    body, more = bytearray(), True
    try:
        async with asyncio.timeout(seconds):
            while more:
                message = await receive()
                if message["type"] != "http.request":
                    return None, _again(message, receive)
                body += message.get("body", b"")
                if most is not None and len(body) > most:
                    raise BodyRefused(413, f"the body is larger than {most:,} bytes")
                more = message.get("more_body", False)
    except TimeoutError as exc:
        raise BodyRefused(408, f"the body was not there within {seconds:g} seconds") from exc
    whole = bytes(body)
    return whole, _again({"type": "http.request", "body": whole, "more_body": False}, receive)


def _again(message: Message, receive: Receive) -> Receive:
    left = [message]

    async def replay() -> Message:
        return left.pop() if left else await receive()

    return replay
