"""A database of any earlier version -> the tables of this version.

The first revision makes what Prisma makes, and leaves alone what a Prisma service made already; the second one
adds our columns and tables. The scripts lie beside this file, so an installed package migrates as a checkout does.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

from records.database.connections import Database
from records.database.revisions import MIGRATIONS, VERSION_TABLE, head, refuse_newer, revision_of
from records.database.roles import become_owner, grant_rights, may_migrate
from records.database.sign_existing import sign_existing
from records.errors import NotMigrated
from reliability.shielded import shielded

_LOCK = 0x434D4443
"""Key of PostgreSQL's advisory lock for a database without tables."""
_WAL_TRIES = 100


@shielded
async def upgrade(url: str, *, revision: str = "head") -> str:
    """Migrate the database to this version; returns the revision. Safe at every start, and concurrently.

    `revision`: an older one, for rows that were copied from its tables.
    Raises NotMigrated for a login that may not change tables, and NewerDatabase for a database that a newer version has
    migrated: there is no way back but a backup.
    """
    database = Database(url)
    try:
        if database.is_sqlite:
            await asyncio.to_thread(_create_for_owner, database)
            await asyncio.to_thread(_use_wal, database)
        async with database.write() as connection:
            before = await connection.run_sync(revision_of)
            refuse_newer(database, before)
            if before is not None and before == head():
                return before
            if not database.is_sqlite:
                await become_owner(connection)
                if not await may_migrate(connection):
                    raise NotMigrated(
                        f"the database {database.shown} is at revision {before!r}, this version needs {head()!r}, and "
                        "this login may not change tables: run `commandcenter db upgrade` as their owner"
                    )
                await _lock(connection, there=before is not None)
                # Another process may have done it meanwhile.
                before = await connection.run_sync(revision_of)
                refuse_newer(database, before)
                if before is not None and before == head():
                    return before
            now = await connection.run_sync(_upgrade, revision)
            if now == head():
                if not database.is_sqlite:
                    await grant_rights(connection)  # on columns of this version
                await sign_existing(connection, before=before)
            return now
    finally:
        await database.close()


async def _lock(connection: AsyncConnection, *, there: bool) -> None:
    """One process migrates, others wait and find it done. `there`: whether the table of the revision is.

    An advisory lock can be held by whoever may connect, for ever; that on a table only by who may write to it.
    """
    if there:
        await connection.execute(text(f'LOCK TABLE "{VERSION_TABLE}" IN SHARE UPDATE EXCLUSIVE MODE'))
    else:
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def _upgrade(connection: Connection, to: str) -> str:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, to)
    return str(revision_of(connection))


def _create_for_owner(database: Database) -> None:
    """SQLite would make the file readable to all; its -wal and -shm files take the rights of the file."""
    file = Path(str(database.url.database))
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        raise database.unavailable(exc) from exc
    with suppress(OSError):  # SQLite's own message says better what is wrong with the path
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))


def _use_wal(database: Database) -> None:
    # Stays in the file. The switch ignores the busy timeout, so a process that opens it now is waited for here.
    for left in reversed(range(_WAL_TRIES)):
        try:
            with closing(sqlite3.connect(str(database.url.database))) as connection:
                connection.execute("PRAGMA journal_mode = WAL")
                return
        except sqlite3.Error as exc:
            if not left or exc.sqlite_errorcode not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise database.unavailable(exc) from exc
        time.sleep(0.05)
