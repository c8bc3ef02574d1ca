"""When to look into the outbox: soon after something was written there, and rarely otherwise.

SQLite tells of a commit by the time stamps of its files, which cost a few microseconds to read; other databases
are asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy.engine import make_url

FILE_POLL_SECONDS = 0.02
QUERY_POLL_SECONDS = 0.1
IDLE_SECONDS = 2.0
"""Even without a sign the outbox is looked into this often."""


class OutboxWatch:
    """Waits for a sign that the outbox may hold something new."""

    def __init__(self, files: Sequence[Path] = ()) -> None:
        self._files = tuple(files)
        self._seen = self._stamp()

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
        step = FILE_POLL_SECONDS if self._files else QUERY_POLL_SECONDS
        waited = 0.0
        while waited < IDLE_SECONDS:
            await asyncio.sleep(step)
            waited += step
            if not self._files or self._changed():
                return

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
