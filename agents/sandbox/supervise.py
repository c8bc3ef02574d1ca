"""A running agent -> its end, or the limit it was stopped for; the same for every backend."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any

from agents.sandbox.log_lines import STATE_SECONDS, LogStream
from agents.sandbox.outcome import ProcessEnd
from agents.sandbox.port import FailureKind, Limits
from agents.sandbox.report import read_report

_LAST_LOGS_SECONDS = 5.0
_CHUNK = 1 << 14
"""Of the log at a time: looking for secrets in it holds up whatever else this process does."""


async def supervise(
    limits: Limits,
    stream: LogStream,
    *,
    report: asyncio.StreamReader,
    logs: asyncio.StreamReader,
    watch: Coroutine[Any, Any, None],
    kill: Callable[[], None],
    out_of_memory: Callable[[], bool],
) -> ProcessEnd:
    """Follow the agent to its end. `watch` returns when it holds too much memory; `kill` ends all of it."""
    tasks: dict[str, asyncio.Task[Any]] = {
        "report": asyncio.create_task(
            read_report(report, result_limit=limits.result_bytes, files_limit=limits.tmp_mb << 20)
        ),
        "logs": asyncio.create_task(_pump(logs, stream)),
        "watch": asyncio.create_task(watch),
    }
    try:
        stopped = await _wait(tasks, limits.timeout_seconds)
        if stopped is None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LAST_LOGS_SECONDS):
                    await asyncio.shield(tasks["logs"])
            if stream.flooded:
                # Where sockets are forwarded by others, the report may be here before the log.
                stopped = "output-limit"
        kill()
        await stream.end()
        return ProcessEnd(
            report=None if stopped else tasks["report"].result(),
            stopped=stopped,
            out_of_memory=out_of_memory(),
            log_tail=stream.tail,
            parts=tuple(stream.parts),
        )
    finally:
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)


async def _wait(tasks: dict[str, asyncio.Task[Any]], seconds: float) -> FailureKind | None:
    """The limit it was stopped for; None if it ended by itself."""
    waiting = set(tasks.values())
    end = asyncio.get_running_loop().time() + seconds
    while True:
        left = end - asyncio.get_running_loop().time()
        done, waiting = await asyncio.wait(waiting, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        if tasks["report"] in done:
            return None
        if tasks["watch"] in done:
            return "memory"
        if tasks["logs"] in done and tasks["logs"].result():
            return "output-limit"
        if not done:
            return "timeout"


async def _pump(logs: asyncio.StreamReader, stream: LogStream) -> bool:
    """Whether it was stopped for writing too much; False: the output ended."""
    while True:
        try:
            async with asyncio.timeout(STATE_SECONDS if stream.unfinished else None):
                chunk = await logs.read(_CHUNK)
        except TimeoutError:
            stream.show_unfinished()
            continue
        if not chunk:
            return False
        await stream.take(chunk)
        if stream.flooded:
            return True
        await asyncio.sleep(0)  # reading what is there already waits for nothing
