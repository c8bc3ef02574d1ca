"""Prefect's SQLite configuration → one that many clients can write through at the same time.

Prefect opens deferred transactions: each reads first and asks for the write lock later. When another transaction
has written in between, SQLite refuses the upgrade at once (waiting could never help it), and the server answers
HTTP 503. Here each transaction asks for the write lock when it begins, and the transactions of this process queue
for it in order instead of polling SQLite for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from prefect.server.database import orm_models
from prefect.server.database.configurations import SQLITE_BEGIN_MODE, AioSqliteConfiguration
from prefect.server.database.dependencies import MODELS_DEPENDENCIES
from prefect.server.events.storage import database as storage
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, AsyncSessionTransaction
from sqlalchemy.pool import ConnectionPoolEntry

from records.database import sqlite_connection
from reliability.tested_versions import require_tested


class QueuedSqlite(AioSqliteConfiguration):
    """SQLite whose transactions start one after the other, each with the write lock in its hand."""

    def __init__(self, connection_url: str, **options: Any) -> None:
        super().__init__(connection_url, **options)
        self._queue = asyncio.Lock()
        self._owner: asyncio.Task[Any] | None = None

    async def engine(self) -> AsyncEngine:
        """Prefect's engine, on connections without threads."""
        engine = await super().engine()
        sqlite_connection.use(engine)
        return engine

    def setup_sqlite(self, conn: DBAPIConnection, record: ConnectionPoolEntry) -> None:
        """Prefect's settings for a connection, but for waiting: SQLite would do it on the event loop."""
        super().setup_sqlite(conn, record)
        cursor = conn.cursor()
        cursor.execute("PRAGMA busy_timeout = 0")
        cursor.close()

    @asynccontextmanager
    async def begin_transaction(
        self, session: AsyncSession, with_for_update: bool = False
    ) -> AsyncGenerator[AsyncSessionTransaction, None]:
        """Open a transaction that may write from its first statement on."""
        task = asyncio.current_task()
        if task is self._owner:
            # A second transaction inside the first can only read, or the two would wait for each other for ever.
            async with self._begin(session, mode="DEFERRED") as transaction:
                yield transaction
            return
        async with self._queue:
            self._owner = task
            try:
                async with self._begin(session, mode="IMMEDIATE") as transaction:
                    yield transaction
            finally:
                self._owner = None

    @staticmethod
    @asynccontextmanager
    async def _begin(session: AsyncSession, *, mode: str) -> AsyncGenerator[AsyncSessionTransaction, None]:
        async with session.begin() as transaction:
            token = SQLITE_BEGIN_MODE.set(mode)
            try:
                # Begins now, not at the first statement: the mode is meant for this connection alone. Another session
                # that Prefect opens inside of this one, or in a task that it starts here, would else ask for the write
                # lock as well, and wait for the one that waits for it.
                await session.connection()
            finally:
                SQLITE_BEGIN_MODE.reset(token)
            yield transaction


def use(connection_url: str) -> None:
    """Make the Prefect server in this process use `QueuedSqlite`; call before the server is made.

    Raises UntestedVersion.
    """
    require_tested("prefect")
    MODELS_DEPENDENCIES["database_config"] = QueuedSqlite(connection_url)
    # Prefect writes events for an SQLite without RETURNING, in statements that are each compiled anew. What it does on
    # PostgreSQL works here too, in half the time.
    storage._write_sqlite_events = storage._write_postgres_events  # pyright: ignore[reportPrivateUsage]
    # A run with its state, queue and pool is one statement instead of four. Not on PostgreSQL, which refuses to lock
    # the rows of an outer join.
    run, deployment = orm_models.FlowRun, orm_models.Deployment
    for relationship in (
        run._state,  # pyright: ignore[reportPrivateUsage]
        run.work_queue,
        orm_models.WorkQueue.work_pool,
        deployment.work_queue,
        deployment.global_concurrency_limit,
    ):
        _load_joined(relationship)


def _load_joined(relationship: Any) -> None:
    """Before SQLAlchemy has configured the mappers: it takes the strategy from these two."""
    found = relationship.comparator.prop
    found.lazy, found.strategy_key = "joined", (("lazy", "joined"),)
