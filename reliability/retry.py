"""A call that may fail with a transient error in; its result, after retries with exponential back-off, out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from tenacity import (
    AsyncRetrying,
    retry_if_exception,
    retry_if_exception_type,
    stop_after_attempt,
    stop_after_delay,
)
from tenacity.wait import wait_exponential

T = TypeVar("T")

WAIT_SECONDS = 60.0
"""Where somebody waits for the answer."""
RUN_SECONDS = 900.0
"""Within a run, for which nobody waits: it would have failed, and what its agents did would be lost."""
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0

_within: ContextVar[float | None] = ContextVar("wait_seconds", default=None)


@contextmanager
def as_a_run() -> Generator[None]:
    """Whatever is called in here has the patience of a run."""
    token = _within.set(RUN_SECONDS)
    try:
        yield
    finally:
        _within.reset(token)


async def retry_transient(call: Callable[[], Awaitable[T]], *, is_transient: Callable[[BaseException], bool]) -> T:
    """Call until it succeeds, for up to `WAIT_SECONDS`, or `RUN_SECONDS` in a run. `call` must be safe to repeat.

    Raises what the call raises: a permanent error at once, a transient one when the time is over.
    """
    retrying = AsyncRetrying(
        retry=retry_if_exception(lambda error: isinstance(error, Exception) and is_transient(error)),
        stop=stop_after_delay(WAIT_SECONDS if (seconds := _within.get()) is None else seconds),
        wait=wait_exponential(multiplier=FIRST_PAUSE, max=LONGEST_PAUSE),
        reraise=True,
    )
    return await _call(call, retrying)


async def retry_stale_connection(request: Callable[[], Awaitable[T]]) -> T:
    """Make a request a second time when the server has closed its kept-alive connection meanwhile.

    Only for requests that are safe to repeat. The closing shows when the connection is used and says nothing about
    the server's health, so it is not worth a delay.
    """
    import httpx  # who opens a database only does not wait for it

    retrying = AsyncRetrying(
        retry=retry_if_exception_type((httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)),
        stop=stop_after_attempt(2),
        reraise=True,
    )
    return await _call(request, retrying)


async def _call(call: Callable[[], Awaitable[T]], retrying: AsyncRetrying) -> T:
    async def awaited() -> T:
        # Tenacity awaits only what it recognises as a coroutine function; not a lambda that returns one.
        return await call()

    return await retrying(awaited)
