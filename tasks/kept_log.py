"""Lines of an agent's log, as they come -> rows kept with the run, in batches and bounded.

A log is worth less than the run: what cannot be kept is dropped with a warning, and the run goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import UTC, datetime

from agents.sandbox.port import LogLine
from records import KeptLine, Records

log = logging.getLogger(__name__)

MAX_LINES = 5_000
"""Of one attempt; later ones are only in Prefect's log."""
FLUSH_SECONDS = 0.5


class KeptLog:
    """The log of one attempt. `add` at any time, `close` at the end."""

    def __init__(self, records: Records, run_id: str, node_id: str, *, item: int | None, attempt: int = 1) -> None:
        self._records, self._run_id = records, run_id
        self._node_id, self._item = node_id, item
        self.attempt = attempt
        self._waiting: list[KeptLine] = []
        self._taken = 0
        self._loop = asyncio.get_running_loop()
        self._planned = False
        self._closing = asyncio.Event()
        self._writing: asyncio.Task[None] | None = None

    def add(self, line: LogLine) -> None:
        """Take a line; it is kept within a second."""
        self._taken += 1
        if self._taken > MAX_LINES + 1:
            return
        text = (
            line.text if self._taken <= MAX_LINES else f"more than {MAX_LINES:,} lines: the rest is not kept here"
        )
        kept = KeptLine(
            id=0,
            node_id=self._node_id,
            item=self._item,
            attempt=self.attempt,
            at=datetime.now(UTC),
            level=logging.getLevelName(line.level),
            message=text,
        )
        self._waiting.append(kept)
        if not self._planned:
            self._planned = True
            # A sandbox may tell of lines in a thread of its own.
            self._loop.call_soon_threadsafe(self._plan)

    async def close(self) -> None:
        """Keep what is left."""
        self._planned = True
        self._closing.set()
        if self._writing is not None:
            await asyncio.gather(self._writing, return_exceptions=True)
        await self._flush()

    def _plan(self) -> None:
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._later())

    async def _later(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), FLUSH_SECONDS)
        self._planned = self._closing.is_set()
        await self._flush()

    async def _flush(self) -> None:
        lines, self._waiting = self._waiting, []
        try:
            await self._records.keep_log(self._run_id, lines)
        except Exception as exc:
            log.warning("%d lines of node %r are not kept: %s", len(lines), self._node_id, exc)
