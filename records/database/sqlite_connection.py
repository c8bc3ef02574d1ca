"""aiosqlite's connection, without its thread: statements run where they are awaited.

Prefect's server makes about a thousand calls into SQLite for one flow run, the records a hundred, most of them
microseconds long. A hop to a thread and back costs a multiple of that, and each waits for the interpreter lock when
the process is busy.

What could hold up the event loop is kept off it: a lock that somebody else has is waited for without blocking, and
a query that takes long is broken off and made again in a thread.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
import time
from collections.abc import Callable
from typing import Any, TypeVar, cast

import aiosqlite
from sqlalchemy import Dialect, event
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import ConnectionPoolEntry

from reliability.tested_versions import require_tested

R = TypeVar("R")

LOCK_SECONDS = 300.0
"""How long a statement waits for a lock of another process or of a statement outside of transactions.

Longer than any process is likely to be stopped in the middle of a transaction: to give up sooner would fail runs.
"""
QUERY_SECONDS = 0.05
"""How long a query may hold up the loop."""
CHECK_STEPS = 5000
"""SQLite's virtual machine instructions between two looks at the clock: some tenths of a millisecond."""

_QUERY = re.compile(r"\s*(?:SELECT|WITH(?!.*\b(?:INSERT|UPDATE|DELETE|REPLACE)\b))\b", re.IGNORECASE | re.DOTALL)


class _Immediately:
    """Replaces the queue to aiosqlite's thread: runs what is put into it."""

    def put_nowait(self, item: tuple[asyncio.Future[Any] | None, Callable[[], Any]]) -> None:
        future, function = item
        try:
            result = function()
        except BaseException as exc:
            if future is None:
                raise
            future.set_exception(exc)
        else:
            if future is not None:
                future.set_result(result)


class _NoThread:
    """Replaces aiosqlite's thread."""

    daemon = True

    def start(self) -> None:
        """There is no thread to start."""


class InLoopConnection(aiosqlite.Connection):
    """One connection, used by one task at a time."""

    def __init__(self, connector: Callable[[], sqlite3.Connection], iter_chunk_size: int = 64) -> None:
        super().__init__(connector, iter_chunk_size)
        # SQLAlchemy uses this queue as well.
        self._tx = cast("Any", _Immediately())
        self._thread = cast("Any", _NoThread())
        self._query_until = float("inf")

    async def _execute(self, fn: Callable[..., R], *args: Any, **kwargs: Any) -> R:
        if not self._running or self._connection is None:
            raise ValueError("Connection closed")
        until = time.monotonic() + LOCK_SECONDS
        pause = 0.001
        while True:
            try:
                return await self._once(fn, *args, **kwargs)
            except sqlite3.OperationalError as exc:
                # Only a lock that will be released: a snapshot that is too old stays so.
                if exc.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() > until:
                    raise
            await asyncio.sleep(pause)
            pause = min(pause * 2, 0.05)

    async def _once(self, fn: Callable[..., R], *args: Any, **kwargs: Any) -> R:
        if not (args and isinstance(args[0], str) and _QUERY.match(args[0])):
            return fn(*args, **kwargs)
        self._query_until = time.monotonic() + QUERY_SECONDS
        try:
            return fn(*args, **kwargs)
        except sqlite3.OperationalError as exc:
            if exc.sqlite_errorname != "SQLITE_INTERRUPT":
                raise
        finally:
            self._query_until = float("inf")
        # Nothing was changed, so it can be made again.
        return await asyncio.to_thread(fn, *args, **kwargs)

    def _takes_too_long(self) -> bool:
        return time.monotonic() > self._query_until

    def watch(self, connection: sqlite3.Connection) -> sqlite3.Connection:
        """Install a progress handler that interrupts a query that takes too long."""
        connection.set_progress_handler(self._takes_too_long, CHECK_STEPS)
        return connection


def use(engine: AsyncEngine) -> None:
    """Make an aiosqlite engine use these connections. Call it before the first connection. Raises UntestedVersion."""
    require_tested("aiosqlite")
    if not event.contains(engine.sync_engine, "do_connect", _connect):
        event.listen(engine.sync_engine, "do_connect", _connect)


def _connect(dialect: Dialect, record: ConnectionPoolEntry, arguments: list[Any], options: dict[str, Any]) -> None:
    options["async_creator_fn"] = connect


def connect(database: str, **options: Any) -> InLoopConnection:
    """Like `aiosqlite.connect`."""

    def connector() -> sqlite3.Connection:
        # A long query moves to another thread; never two threads at a time.
        settings: dict[str, Any] = {**options, "timeout": 0, "check_same_thread": False}
        return made.watch(sqlite3.connect(database, **settings))

    made = InLoopConnection(connector)
    return made
