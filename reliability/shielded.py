"""A method that writes to a database in; the same method, completed even if its caller is cancelled, out.

An SQLite statement goes on in its thread when the coroutine that waits for it is cancelled. Its transaction would stay
open on a connection without an owner, and its write lock would block all other writers.

A PostgreSQL server that answered before and is away now is waited for, since the result of an agent would be lost
otherwise. The method is then called again from its beginning, so each must be safe to repeat.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from reliability.errors import Unavailable
from reliability.retry import retry_transient

P = ParamSpec("P")
T = TypeVar("T")


def shielded(method: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """The method, whole. A caller that is cancelled waits for the end of its transaction, and is cancelled then."""

    @wraps(method)
    async def whole(*args: P.args, **kwargs: P.kwargs) -> T:
        return await retry_transient(lambda: _to_its_end(method(*args, **kwargs)), is_transient=_is_transient)

    return whole


def _is_transient(error: BaseException) -> bool:
    return isinstance(error, Unavailable) and error.transient


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
