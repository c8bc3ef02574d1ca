"""The current task -> whether it has been asked to end."""

from __future__ import annotations

import asyncio


def cancelled() -> bool:
    """Whether the task that asks was cancelled. Every loop that runs until its task is cancelled asks this each time.

    `CancelledError` alone does not end it: `asyncio.wait_for` of Python 3.11, which the client of NATS is built on,
    drops a cancellation that arrives together with its result, and the loop would go round for ever.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
