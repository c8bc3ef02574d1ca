"""A database URL -> connections with read and write transactions that do not fail with 'database is locked'.

SQLite upgrades a deferred transaction only if no one wrote in between and fails at once otherwise, despite its
busy timeout. So each writing transaction begins with BEGIN IMMEDIATE; in this process they queue at a lock, which
is fair, and other processes are waited for by the connection (see sqlite_connection.py).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from observability.traces.settings import is_traced as leaves_spans
from records.database import sqlite_connection
from records.database.payload import dumps
from records.database.signing import LazySigner
from records.errors import DatabaseUnavailable
from reliability.plaintext import PlaintextRefused, refuse_plaintext
from reliability.tls import CA_VARIABLE

_BUSY_SECONDS = 60
_CONNECT_SECONDS = 10
# PostgreSQL ends the transaction of a process that stands still in the middle of it (stopped, swapped out, a machine
# asleep), and with it the lock on a run that others have to take over.
_IDLE_SECONDS = 20
_POSTGRES = {"postgresql", "postgres"}


def database_url(url: str) -> URL:
    """The URL with the async driver we use. Raises DatabaseUnavailable for a database we do not know."""
    try:
        parsed = make_url(url)
    except ArgumentError as exc:
        raise DatabaseUnavailable(
            f"the database URL {_shown(url)!r} is not one: write sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME"
        ) from exc
    backend = parsed.get_backend_name() if parsed.drivername not in _POSTGRES else "postgresql"
    if backend == "sqlite":
        if parsed.database in (None, "", ":memory:"):
            raise DatabaseUnavailable(
                f"the database URL {url!r} names no file, and several connections cannot share an SQLite database "
                "in memory: write sqlite:///PATH"
            )
        return parsed.set(drivername="sqlite+aiosqlite")
    if backend == "postgresql":
        return parsed.set(drivername="postgresql+psycopg", query=_libpq_query(parsed))
    raise DatabaseUnavailable(f"records live in SQLite or PostgreSQL, not in {backend!r}: fix the database URL")


_PRISMA_ONLY = frozenset({"schema", "connection_limit", "pool_timeout", "pgbouncer", "options"})


def _libpq_query(url: URL) -> dict[str, str | tuple[str, ...]]:
    """The URL's parameters without Prisma's own, which libpq refuses; its `schema` becomes the search path."""
    given = url.query.get("options")
    options = ["-c timezone=utc", f"-c idle_in_transaction_session_timeout={_IDLE_SECONDS}s"]
    options += [given] if isinstance(given, str) else given or ()
    if "schema" in url.query:
        options.append(f"-c search_path={url.query['schema']}")
    kept = {name: value for name, value in url.query.items() if name not in _PRISMA_ONLY}
    if (ca := os.environ.get(CA_VARIABLE)) and str(kept.get("sslmode", "")).startswith("verify-"):
        kept.setdefault("sslrootcert", ca)
    return kept | {"options": " ".join(options)}


def _shown(url: str) -> str:
    # An unparsable URL may still hold a password.
    return url.split("://", 1)[0] + "://…" if "@" in url else url


class Database:
    """The engine and its two kinds of transactions. Belongs to one event loop."""

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self.url = database_url(url)
        try:
            refuse_plaintext(self.url.render_as_string(hide_password=True), "database")
        except PlaintextRefused as exc:
            raise DatabaseUnavailable(str(exc)) from exc
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.signer = LazySigner(self.url)
        self.engine = self._engine(pool_size)
        self._one_writer = asyncio.Lock()
        self._answered = False

    def _engine(self, pool_size: int) -> AsyncEngine:
        options: dict[str, Any] = {
            "json_serializer": dumps,
            "pool_size": pool_size,
            "max_overflow": 0,
            "pool_timeout": _BUSY_SECONDS,
            "execution_options": {"signer": self.signer, "traced": leaves_spans()},
        }
        if not self.is_sqlite:
            connect = {"connect_timeout": _CONNECT_SECONDS}
            # No ping before each use: a call that meets a dead connection is made again (see `reliability.shielded`).
            return create_async_engine(self.url, connect_args=connect, **options)
        engine = create_async_engine(self.url, **options)
        sqlite_connection.use(engine)
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
        return engine

    @asynccontextmanager
    async def read(self) -> AsyncGenerator[AsyncConnection]:
        """A read transaction."""
        async with self._connected() as connection, connection.begin():
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncGenerator[AsyncConnection]:
        """A write transaction, committed as a whole or not at all."""
        if not self.is_sqlite:
            async with self._connected() as connection, connection.begin():
                yield connection
            return
        async with self._one_writer, self._connected() as connection:
            await connection.execution_options(begin_immediate=True)
            async with connection.begin():
                yield connection

    @asynccontextmanager
    async def _connected(self) -> AsyncGenerator[AsyncConnection]:
        try:
            connection = await self.engine.connect()
        except (DBAPIError, PoolTimeout, OSError) as exc:
            raise self.unavailable(exc) from exc
        self._answered = True
        try:
            yield connection
        except DBAPIError as exc:
            # DatabaseError itself, not one of its kinds, is what SQLite says of a file that is no database.
            if exc.connection_invalidated or isinstance(exc, OperationalError) or type(exc) is DatabaseError:
                raise self.unavailable(exc) from exc
            raise
        finally:
            # Shielded: a cancelled caller must not leave a connection outside of the pool.
            await asyncio.shield(connection.close())

    @property
    def shown(self) -> str:
        """The URL for messages: no password, no parameters, no driver."""
        plain = self.url.set(drivername=self.url.get_backend_name(), query={})
        return plain.render_as_string(hide_password=True)

    def unavailable(self, exc: BaseException) -> DatabaseUnavailable:
        """The error for a database that cannot be used, with the driver's reason."""
        cause = " ".join(str(exc.orig if isinstance(exc, DBAPIError) else exc).split())
        # libpq says so in words alone.
        refused = "certificate" in cause and str(self.url.query.get("sslmode", "")).startswith("verify-")
        certificate = f"and that its certificate is valid for that host and signed by what {CA_VARIABLE} names"
        return DatabaseUnavailable(
            f"the database {self.shown} does not answer ({cause}): check that it runs, and its URL"
            + (f", {certificate}" if refused else ""),
            # A missing file is not a transient error.
            transient=self._answered and not self.is_sqlite,
            away=not self.is_sqlite,
        )

    async def close(self) -> None:
        """Close all connections."""
        await self.engine.dispose()


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # BEGIN is issued by `_begin`, below
    cursor = connection.cursor()
    # NORMAL: nothing is lost when a process dies; a power cut may take the last few commits, never the file.
    # The connection waits for locks itself: SQLite would do it on the event loop.
    for pragma in ("busy_timeout = 0", "foreign_keys = ON", "synchronous = NORMAL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("begin_immediate")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def is_traced(connection: AsyncConnection) -> bool:
    """Whether this process leaves spans."""
    return bool(connection.sync_engine.get_execution_options().get("traced"))
