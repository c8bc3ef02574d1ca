"""A question on the terminal -> the line a person typed; can be taken back while it is open."""

from __future__ import annotations

import asyncio
import sys
from typing import TextIO


async def ask_line(question: str, *, source: TextIO | None = None) -> str | None:
    """Print the question and wait for a line; None at the end of input.

    Cancelling the wait leaves the terminal as it is: nothing is blocked in a thread, and what was typed so far stays
    with the terminal.
    """
    stream = source or sys.stdin
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[str | None] = loop.create_future()

    def read() -> None:
        line = stream.readline()
        if not answered.done():
            answered.set_result(line.rstrip("\n") if line else None)

    sys.stdout.write(question)
    sys.stdout.flush()
    loop.add_reader(stream, read)
    try:
        return await answered
    finally:
        loop.remove_reader(stream)
