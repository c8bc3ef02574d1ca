"""An error of Prefect's API -> whether it is transient; and a read that is retried until it is answered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import TypeVar

import httpx

from reliability.retry import retry_transient

T = TypeVar("T")

_TRY_AGAIN = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.LOCKED, HTTPStatus.TOO_MANY_REQUESTS)


def is_transient(exc: BaseException) -> bool:
    """Whether the API may answer a moment later: it is unreachable, or answers with an error of its own."""
    if isinstance(exc, httpx.HTTPStatusError):
        return (
            exc.response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR or exc.response.status_code in _TRY_AGAIN
        )
    return isinstance(exc, httpx.TransportError)


async def until_answered(request: Callable[[], Awaitable[T]]) -> T:
    """What `request` gives, a read that may be made any number of times. Raises what it raises after a minute."""
    return await retry_transient(request, is_transient=is_transient)
