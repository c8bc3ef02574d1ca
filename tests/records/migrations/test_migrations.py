"""Migrations make what the tables say, from whatever folder, by however many processes."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from records import Records, upgrade
from records.database.connections import Database
from records.database.revisions import VERSION_TABLE, head
from records.tables import METADATA

_HERE = Path(__file__).resolve().parents[3]


def _difference(connection: Connection) -> list[Any]:
    options = {"compare_type": True, "compare_server_default": True, "version_table": VERSION_TABLE}
    return compare_metadata(MigrationContext.configure(connection, opts=options), METADATA)


async def test_the_migrated_database_is_what_the_tables_say(url: str) -> None:
    database = Database(url)
    async with database.read() as connection:
        assert await connection.run_sync(_difference) == []
    await database.close()


async def test_upgrading_again_and_in_parallel_changes_nothing(empty_url: str) -> None:
    assert set(await asyncio.gather(*(upgrade(empty_url) for _ in range(4)))) == {head()}
    assert await upgrade(empty_url) == head()
    async with await Records.open(empty_url) as records:
        assert await records.runs() == []


async def test_an_interrupted_upgrade_leaves_nothing_half_done(empty_url: str, monkeypatch: Any) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("power cut")

    with monkeypatch.context() as patched:
        patched.setattr("records.database.migrate.revision_of", fail)
        results = await asyncio.gather(upgrade(empty_url), return_exceptions=True)
    assert [str(result) for result in results] == ["power cut"]
    assert await upgrade(empty_url) == head()


def test_a_package_in_another_folder_migrates_from_any_directory(tmp_path: Path) -> None:
    package = tmp_path / "site"
    package.mkdir()
    for room in ("records", "compiler"):
        (package / room).symlink_to(_HERE / room)
    script = "import asyncio, records; print(asyncio.run(records.upgrade('sqlite:///x.db')))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(package)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.stdout.strip(), done.stderr) == (head(), "")
    assert (tmp_path / "x.db").exists()
