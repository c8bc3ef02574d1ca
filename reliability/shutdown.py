"""SIGINT and SIGTERM -> the end of a task, in good order."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def cancelled_by_signals() -> Generator[None]:
    """Either signal cancels the current task; a second one ends the process at once. For the main thread: others
    get no signals.

    SIGINT as well where it was ignored, as below a shell's `&`.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def end() -> None:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
        task.cancel()

    for number in _SIGNALS:
        loop.add_signal_handler(number, end)
    try:
        yield
    finally:
        for number in _SIGNALS:
            if loop.remove_signal_handler(number):
                signal.signal(number, before[number])
