"""An SQLite file that others write to -> the same at one moment, in a file of its own."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from records.copies.errors import CopyRefused

_BUSY_SECONDS = 60.0


class SqliteSnapshot:
    """What the file holds when this is entered, whatever is written after that. For one thread.

    Raises CopyRefused for a file that is not there, or is no database.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._connection: sqlite3.Connection | None = None

    def __enter__(self) -> Self:
        try:
            # `rw`, never `rwc`: a name that is not there must not become an empty database.
            self._connection = sqlite3.connect(
                f"file:{quote(str(self._file))}?mode=rw",
                uri=True,
                timeout=_BUSY_SECONDS,
                isolation_level=None,
                check_same_thread=False,
            )
            self._connection.execute("BEGIN")
            self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.Error as exc:
            self.__exit__(None, None, None)
            raise CopyRefused(f"the database {str(self._file)!r} cannot be read ({exc})") from exc
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.rollback()
            self._connection.close()
            self._connection = None

    def one(self, statement: str) -> Any:
        """The first value of a query of ours; None where it gives no row, or its table is not there."""
        assert self._connection is not None
        try:
            row = self._connection.execute(statement).fetchone()
        except sqlite3.OperationalError:
            return None
        return None if row is None else row[0]

    def write(self, target: Path, *, without: Sequence[str] = ()) -> None:
        """Copy it to a new file for its owner only. Raises CopyRefused, and OSError where there is no room.

        `without`: statements that delete what must not be in the copy; its bytes are overwritten, too.
        """
        assert self._connection is not None
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        copy = sqlite3.connect(target, isolation_level=None)
        try:
            # All pages in one step: the snapshot is the read transaction of this connection.
            self._connection.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
            for statement in without:
                copy.execute(statement)
            if without:
                copy.execute("VACUUM")
            check_sqlite(copy, target)
        except sqlite3.Error as exc:
            if exc.sqlite_errorcode == sqlite3.SQLITE_FULL:
                raise OSError(28, "no space left", str(target)) from exc
            raise CopyRefused(f"the database {str(self._file)!r} cannot be copied ({exc})") from exc
        finally:
            copy.close()


def check_sqlite(connection: sqlite3.Connection, file: Path) -> None:
    """Raises CopyRefused for a file whose pages do not fit together."""
    (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise CopyRefused(f"the database {str(file)!r} is damaged: {found}")
