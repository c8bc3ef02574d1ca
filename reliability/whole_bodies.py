"""An ASGI request's messages -> its body in one piece, and the same messages again for the application."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import Message, Receive


async def whole_body(receive: Receive) -> tuple[bytes | None, Receive]:
    """The body, and what the application reads instead of `receive`; None: the client left before it was there."""
    body, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return None, _again(message, receive)
        body += message.get("body", b"")
        more = message.get("more_body", False)
    whole = bytes(body)
    return whole, _again({"type": "http.request", "body": whole, "more_body": False}, receive)


def _again(message: Message, receive: Receive) -> Receive:
    left = [message]

    async def replay() -> Message:
        return left.pop() if left else await receive()

    return replay
