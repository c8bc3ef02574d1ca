"""A method that may be cancelled, or lose its database, in the middle -> one that comes to its end first.

A statement of SQLite goes on in its thread when the coroutine that waits for it is cancelled. What it began would
be left behind on a connection nobody holds: a write lock, which all other writers then wait for.

A PostgreSQL server that answered before and is away now is waited for: what an agent has done would be lost else. The
method is then called again from its beginning; each is written so that a second call does no harm.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from records.errors import DatabaseUnavailable

P = ParamSpec("P")
T = TypeVar("T")

_WAIT_SECONDS = 60
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0


def unbroken(method: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """The method, whole. A caller that is cancelled waits for the end of its transaction, and is cancelled then."""

    @wraps(method)
    async def whole(*args: P.args, **kwargs: P.kwargs) -> T:
        until = time.monotonic() + _WAIT_SECONDS
        pause = _FIRST_PAUSE
        while True:
            try:
                return await _to_its_end(method(*args, **kwargs))
            except DatabaseUnavailable as error:
                if not error.passing or time.monotonic() > until:
                    raise
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    return whole


async def _to_its_end(work: Coroutine[Any, Any, T]) -> T:
    task = asyncio.create_task(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        if not task.cancelled():
            task.exception()  # seen, so that the loop does not complain of it
        raise cancelled
    return task.result()
