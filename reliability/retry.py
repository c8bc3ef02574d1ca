"""A call that may meet trouble that passes → its answer, waited for up to a minute."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

WAIT_SECONDS = 60.0
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0


async def patiently(call: Callable[[], Awaitable[T]], *, passes: Callable[[Exception], bool]) -> T:
    """What `call` gives; it may be called any number of times.

    Raises what it raises: at once what does not pass, the rest when the minute is over.
    """
    until, pause = time.monotonic() + WAIT_SECONDS, FIRST_PAUSE
    while True:
        try:
            return await call()
        except Exception as exc:
            if not passes(exc) or time.monotonic() > until:
                raise
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)
