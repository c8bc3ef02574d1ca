"""A request over a kept-alive connection that the server has closed meanwhile: asked once more, at once.

Only for requests that may be made twice. The closing shows when the connection is used and says nothing of the
server's health, so it is not worth the delay of another delivery.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import httpx

T = TypeVar("T")


async def once_more(request: Callable[[], Awaitable[T]]) -> T:
    """What `request` gives; it is made a second time when the connection was closed under it."""
    try:
        return await request()
    except (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError):
        return await request()
