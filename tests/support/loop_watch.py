"""An event loop -> the longest that one step on it computed: other work of the loop waits for so long.

Processor time of the loop's thread, not seconds: a busy machine makes no step longer.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any


class LoopWatch:
    """What was seen."""

    def __init__(self) -> None:
        self.longest = 0.0
        """Seconds."""
        self.where = ""


@contextmanager
def watched_loop() -> Generator[LoopWatch]:
    """Watches all steps of asyncio's loops in this process."""
    watch, run = LoopWatch(), asyncio.Handle._run

    def timed(handle: Any) -> None:
        began = time.thread_time()
        where = repr(handle._callback)
        run(handle)
        if (took := time.thread_time() - began) > watch.longest:
            watch.longest, watch.where = took, where

    # A full collection goes through what thousands of other tests have left; a server has nothing of that.
    gc.collect()
    gc.freeze()
    asyncio.Handle._run = timed  # pyright: ignore[reportAttributeAccessIssue]
    try:
        yield watch
    finally:
        gc.unfreeze()
        asyncio.Handle._run = run
