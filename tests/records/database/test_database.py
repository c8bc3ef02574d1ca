"""Both databases under many writers, and what is said when one is not there."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from records import DatabaseUnavailable, NewerDatabase, NotMigrated, Records, upgrade
from records.database.connections import Database, database_url

_WRITER = """
import asyncio, sys
from records import Records

async def main(url, writer):
    async with await Records.open(url) as records:
        for sequence in range(25):
            await records.record_event("S", sequence, subject="x", workflow=writer)

asyncio.run(main(*sys.argv[1:]))
"""


def test_three_processes_that_write_at_once_all_succeed(url: str) -> None:
    command = [sys.executable, "-c", _WRITER, url]
    writers = [subprocess.Popen([*command, f"w{n}"], stderr=subprocess.PIPE, text=True) for n in range(3)]
    assert [writer.communicate(timeout=120)[1] for writer in writers] == [""] * 3

    async def recorded() -> list[bool]:
        async with await Records.open(url) as records:
            each = [(f"w{n}", sequence) for n in range(3) for sequence in (0, 24)]
            return [await records.event_recorded("S", sequence, workflow=writer) for writer, sequence in each]

    assert asyncio.run(recorded()) == [True] * 6


async def test_two_hundred_parallel_writes_wait_for_each_other(records: Records) -> None:
    writes = (records.record_event("S", sequence, subject="x") for sequence in range(200))
    assert await asyncio.gather(*writes) == [True] * 200


async def test_a_cancelled_write_comes_to_its_end_and_blocks_nobody(records: Records) -> None:
    async with asyncio.timeout(30):
        for sequence in range(20):
            write = asyncio.create_task(records.record_event("S", sequence, subject="x"))
            await asyncio.sleep(sequence / 2_000)
            write.cancel()
            (result,) = await asyncio.gather(write, return_exceptions=True)
            assert result is True or isinstance(result, asyncio.CancelledError)
            assert await records.event_recorded("S", sequence), "it had begun, so it came to its end"
        assert await records.record_event("S", 1_000, subject="x")


async def test_sqlite_checks_foreign_keys_and_keeps_a_write_ahead_log(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "records.db"
    await upgrade(f"sqlite:///{path}")
    database = Database(f"sqlite:///{path}")
    async with database.read() as connection:
        assert (await connection.exec_driver_sql("PRAGMA foreign_keys")).scalar() == 1
        assert (await connection.exec_driver_sql("PRAGMA journal_mode")).scalar() == "wal"
    await database.close()


async def test_a_writer_waits_for_a_foreign_process_that_holds_the_lock(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/records.db"
    await upgrade(url)
    async with await Records.open(url) as records:
        other = sqlite3.connect(f"{tmp_path}/records.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        write = asyncio.create_task(records.record_event("S", 1, subject="x"))
        await asyncio.sleep(0.3)
        assert not write.done()
        assert await records.pending_events() == [], "readers are not held up"
        other.execute("COMMIT")
        other.close()
        assert await asyncio.wait_for(write, timeout=10)


async def test_a_database_that_does_not_answer_is_named_without_its_password() -> None:
    url = "postgresql://user:geheim@127.0.0.1:1/records"
    with pytest.raises(DatabaseUnavailable, match=r"127\.0\.0\.1:1/records does not answer") as caught:
        await Records.open(url)
    assert "geheim" not in str(caught.value)
    assert "check that it runs" in str(caught.value)


async def test_a_folder_in_place_of_the_file_is_said_to_be_no_database(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailable, match="does not answer"):
        await Records.open(f"sqlite:///{tmp_path}")
    with pytest.raises(DatabaseUnavailable):
        await upgrade(f"sqlite:///{tmp_path}")


async def test_a_file_that_is_no_database_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"not a database at all" * 100)
    for attempt in (upgrade, Records.open):
        with pytest.raises(DatabaseUnavailable, match="not a database"):
            await attempt(f"sqlite:///{tmp_path}/x.db")


async def test_a_database_that_was_not_upgraded_is_refused_with_the_fix(empty_url: str) -> None:
    if empty_url.startswith("sqlite"):
        Path(empty_url.removeprefix("sqlite:///")).touch()
    with pytest.raises(NotMigrated, match="run `commandcenter db upgrade`"):
        await Records.open(empty_url)


async def test_a_database_of_a_newer_version_is_refused_by_whoever_opens_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/x.db"
    await upgrade(url)
    with sqlite3.connect(tmp_path / "x.db") as connection:
        connection.execute("UPDATE _commandcenter_migrations SET version_num = '9999'")
    for attempt in (upgrade, Records.open):
        with pytest.raises(NewerDatabase, match="does not know: run the newer version"):
            await attempt(url)


async def test_a_file_that_is_not_there_is_not_made_by_opening_it(tmp_path: Path) -> None:
    with pytest.raises(NotMigrated, match=r"there is no database sqlite:///.*: check the path"):
        await Records.open(f"sqlite:///{tmp_path}/folder/records.db")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("sqlite:///a/b.db", "sqlite+aiosqlite:///a/b.db"),
        ("sqlite+aiosqlite:///a.db", "sqlite+aiosqlite:///a.db"),
        (
            "postgres://u:p@h/d",
            "postgresql+psycopg://u:p@h/d?options=-c+timezone%3Dutc+-c+idle_in_transaction_session_timeout%3D20s",
        ),
        (
            "postgresql+asyncpg://h/d",
            "postgresql+psycopg://h/d?options=-c+timezone%3Dutc+-c+idle_in_transaction_session_timeout%3D20s",
        ),
        (
            "postgresql://h/d?schema=app&connection_limit=5&sslmode=require",
            "postgresql+psycopg://h/d?options=-c+timezone%3Dutc+-c+idle_in_transaction_session_timeout%3D20s+-c+search_path%3Dapp&sslmode=require",
        ),
    ],
)
def test_urls_as_people_and_prisma_write_them_are_understood(given: str, used: str) -> None:
    assert database_url(given).render_as_string(hide_password=False) == used


@pytest.mark.parametrize(
    "url", ["mysql://h/d", "oracle+nodriver://h/d", "nonsense", "", "sqlite://", "sqlite:///:memory:"]
)
def test_a_url_we_cannot_use_is_refused_with_what_to_write(url: str) -> None:
    with pytest.raises(DatabaseUnavailable, match=r"sqlite:///PATH|SQLite or PostgreSQL"):
        database_url(url)


async def test_a_connection_cut_by_the_server_is_replaced(emptied_postgres: str) -> None:
    async with await Records.open(emptied_postgres) as records:
        with psycopg.connect(emptied_postgres, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        assert await records.runs() == []


async def test_a_server_that_crashes_is_waited_for_and_nothing_is_lost_or_doubled(
    postgres_server: Any, emptied_postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with await Records.open(emptied_postgres) as records:
        writes = [asyncio.create_task(records.record_event("S", sequence, subject="x")) for sequence in range(40)]
        await asyncio.sleep(0.02)
        postgres_server.crash()
        try:
            late = asyncio.create_task(records.record_event("S", 40, subject="x"))
            await asyncio.sleep(0.3)
            assert not late.done()
        finally:
            postgres_server.start()
        await asyncio.gather(*writes, late)
        assert all([await records.event_recorded("S", sequence) for sequence in range(41)])
        postgres_server.crash()
        try:
            monkeypatch.setattr("reliability.retry.WAIT_SECONDS", 0)
            with pytest.raises(DatabaseUnavailable, match="does not answer"):
                await records.runs()
        finally:
            postgres_server.start()
