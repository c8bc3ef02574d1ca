"""A method that is cancelled in the middle of a transaction -> one that comes to its end first.

A statement of SQLite goes on in its thread when the coroutine that waits for it is cancelled. What it began would
be left behind on a connection nobody holds: a write lock, which all other writers then wait for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def unbroken(method: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """The method in a task of its own: a caller that is cancelled waits for its end, and is cancelled then."""

    @wraps(method)
    async def whole(*args: P.args, **kwargs: P.kwargs) -> T:
        task = asyncio.create_task(method(*args, **kwargs))
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

    return whole
