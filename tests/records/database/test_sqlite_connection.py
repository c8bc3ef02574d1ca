"""SQLite on the event loop: waits for locks without blocking it, and moves long queries off it."""

import asyncio
import sqlite3
import threading

import pytest
import pytest_asyncio

from records.database import sqlite_connection
from records.database.sqlite_connection import connect

LONG_QUERY = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400000) SELECT count(*) FROM n"
)


@pytest_asyncio.fixture
async def connection(tmp_path):
    async with connect(str(tmp_path / "db"), isolation_level=None) as made:
        await made.execute("PRAGMA journal_mode = WAL")
        await made.execute("CREATE TABLE t (i INTEGER)")
        yield made


async def test_statements_run_in_the_thread_that_awaits_them(connection):
    threads = []
    connection._connection.create_function("here", 0, lambda: threads.append(threading.get_ident()) or 1)
    await connection.execute("INSERT INTO t VALUES (here())")
    assert threads == [threading.get_ident()]


async def test_a_lock_of_somebody_else_is_waited_for_without_blocking(connection, tmp_path):
    other = sqlite3.connect(tmp_path / "db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    write = asyncio.create_task(asyncio.wait_for(connection.execute("INSERT INTO t VALUES (1)"), 10))
    for _ in range(5):
        await asyncio.sleep(0.01)
    assert not write.done()
    other.execute("COMMIT")
    other.close()
    await write
    rows = await connection.execute_fetchall("SELECT * FROM t")
    assert rows == [(1,)]


async def test_a_lock_that_is_never_released_is_an_error_in_the_end(connection, tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite_connection, "LOCK_SECONDS", 0.1)
    other = sqlite3.connect(tmp_path / "db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError, match="database is locked"):
        await connection.execute("INSERT INTO t VALUES (1)")
    other.close()


async def test_a_long_query_moves_to_a_thread_and_gives_its_result(connection, monkeypatch):
    moved = []
    to_thread = asyncio.to_thread
    monkeypatch.setattr(asyncio, "to_thread", lambda *call: moved.append(call) or to_thread(*call))
    cursor = await connection.execute(LONG_QUERY)
    assert await cursor.fetchone() == (400000,)
    await cursor.close()
    assert len(moved) == 1


async def test_a_long_write_is_never_broken_off(connection):
    await connection.execute("BEGIN IMMEDIATE")
    await connection.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000) "
        "INSERT INTO t SELECT i FROM n"
    )
    await connection.execute("COMMIT")
    assert await connection.execute_fetchall("SELECT count(*) FROM t") == [(200000,)]


async def test_errors_of_a_statement_reach_its_caller(connection):
    with pytest.raises(sqlite3.OperationalError, match="no such table: nowhere"):
        await connection.execute("SELECT * FROM nowhere")
