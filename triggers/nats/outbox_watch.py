"""When to look into the outbox: soon after something was written there, and rarely otherwise.

Of an SQLite database the kernel tells when its files are written, and the time stamps of the files tell where the
kernel does not; other databases are asked.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import sys
import weakref
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from sqlalchemy.engine import make_url

FILE_POLL_SECONDS = 0.02
"""However often an SQLite database is written, it is not looked into more often than this."""
QUERY_POLL_SECONDS = 0.1
IDLE_SECONDS = 2.0
"""Even without a sign the outbox is looked into this often."""
_IN_MODIFY, _IN_CREATE, _IN_MOVED_TO = 0x2, 0x100, 0x80
_AT_ONCE_BYTES = 1 << 16


class OutboxWatch:
    """Waits for a sign that the outbox may hold something new."""

    def __init__(self, files: Sequence[Path] = (), *, notices: bool = True) -> None:
        """`files`: those of the database. `notices`: whether the kernel is to tell of them, where it can."""
        self._files = tuple(files)
        self._seen = self._stamp()
        self._notices = _notices_of({file.parent for file in files}) if files and notices else None
        self._returned = 0.0
        if self._notices is not None:
            weakref.finalize(self, os.close, self._notices)

    @classmethod
    def for_database(cls, url: str) -> OutboxWatch:
        """Watches the files of an SQLite database; any other is looked into every tenth of a second."""
        parsed = make_url(url)
        if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database == ":memory:":
            return cls()
        database = Path(parsed.database)
        return cls((database, database.with_name(database.name + "-wal")))

    async def wait(self) -> None:
        """Returns when it is worth looking."""
        if self._notices is None:
            await self._poll()
        else:
            await self._listen(self._notices)

    async def _poll(self) -> None:
        step = FILE_POLL_SECONDS if self._files else QUERY_POLL_SECONDS
        waited = 0.0
        while waited < IDLE_SECONDS:
            await asyncio.sleep(step)
            waited += step
            if not self._files or self._changed():
                return

    async def _listen(self, notices: int) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._returned + FILE_POLL_SECONDS - loop.time()))
        with suppress(TimeoutError):
            async with asyncio.timeout(IDLE_SECONDS):
                await _readable(notices, loop)
        _drain(notices)
        self._returned = loop.time()

    def _changed(self) -> bool:
        stamp = self._stamp()
        changed, self._seen = stamp != self._seen, stamp
        return changed

    def _stamp(self) -> tuple[tuple[int, int] | None, ...]:
        return tuple(_stamp(file) for file in self._files)


def _stamp(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_size


def _notices_of(folders: set[Path]) -> int | None:
    """A descriptor that can be read once a file in the folders was written; None where the system has no such thing.

    By inotify, which the standard library does not have. Folders, as SQLite makes its second file anew; what else is
    written there is taken for a sign as well.
    """
    if sys.platform != "linux":
        return None
    system = ctypes.CDLL(None)
    notices = int(system.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
    if notices < 0:
        return None
    wanted = _IN_MODIFY | _IN_CREATE | _IN_MOVED_TO
    if any(system.inotify_add_watch(notices, os.fsencode(folder), wanted) < 0 for folder in folders):
        os.close(notices)
        return None
    return notices


async def _readable(descriptor: int, loop: asyncio.AbstractEventLoop) -> None:
    there = loop.create_future()
    loop.add_reader(descriptor, lambda: there.done() or there.set_result(None))
    try:
        await there
    finally:
        loop.remove_reader(descriptor)


def _drain(descriptor: int) -> None:
    with suppress(BlockingIOError):
        while os.read(descriptor, _AT_ONCE_BYTES):
            pass
