"""`commandcenter backup` and `restore`, tried by losing everything in between."""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Iterator
from typing import Any

import pytest

from deployments.backup.places import open_nats, places_of
from deployments.demo.sample_repository import make_repository
from deployments.stack.connection import connect_to


@pytest.fixture(params=["sqlite", "postgresql"])
def platform_to_lose(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A platform of its own, with its records and Prefect's state in SQLite, or both in PostgreSQL."""
    if request.param == "sqlite":
        yield request.getfixturevalue("own_platform")
        return
    server = request.getfixturevalue("postgres_server")
    name = server.create()
    url = server.url(name).replace("postgresql://", "postgresql+asyncpg://")
    monkeypatch.setenv("COMMANDCENTER_PREFECT_DATABASE_URL", url)
    platform = request.getfixturevalue("platform_on_postgres")
    yield platform
    # The platform's fixture ends after this one: its server must have let go of the database.
    platform.process.terminate()
    platform.process.wait(60)
    server.drop(name)


async def test_what_was_open_ends_after_everything_was_lost_and_restored(
    platform_to_lose: Any,
    commit_a_change: Any,
    watch_with: Any,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    platform = platform_to_lose
    kept = tmp_path_factory.mktemp("backups")
    change = await commit_a_change(platform, "first")
    async with connect_to(platform.addresses) as connection:
        waiting = await watch_with(connection).waiting(change.key)
    # Of the running platform, in one file; without secrets.
    running = json.loads(platform.cli("backup", str(kept / "running.tar.gz"), "--json").stdout)
    assert stat.S_IMODE((kept / "running.tar.gz").stat().st_mode) == 0o600

    platform.process.terminate()
    platform.process.wait(60)
    second = make_repository(platform.repositories / "second")
    event = {**change.event, "repositoryPath": str(second.path), "commit": second.commit}
    async with open_nats(places_of(platform.state)) as nats:
        await nats.jetstream().publish("graph.file.updated", json.dumps(event).encode())
    # Of the stopped one, in a folder, with an event that nobody has taken yet.
    platform.cli("backup", str(kept / "stopped"), "--with-secrets")
    for path in (kept / "stopped").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    assert "is there already" in platform.cli("backup", str(kept / "stopped"), check=False).stderr

    _lose_everything(platform, request)
    if platform.addresses.database_url.startswith("postgresql"):
        platform.env["DATABASE_URL"] = platform.addresses.database_url
    assert not (platform.state / "stack.json").exists()
    restored = json.loads(platform.cli("restore", str(kept / "stopped"), "--json").stdout)
    assert restored["auditIntact"]
    assert restored["messages"] >= 1
    again = platform.cli("restore", str(kept / "stopped"), check=False)
    assert again.returncode == 1
    assert "already" in again.stderr

    platform.start_again()
    async with connect_to(platform.addresses) as connection:
        watch = watch_with(connection)
        platform.cli("approve", waiting.run.id, "create-fix-pr", "--notes", "after the fire")
        ended = await watch.ended(change.key, seconds=120)
        assert ended.run.status == "SUCCESS", ended.as_json()
        assert len(change.branches()) == 2
        # The event that was pending started its run, once; the one before it started none again.
        await watch.waiting({"repositoryPath": str(second.path)})
        assert (
            len(
                [run for run in await connection.records.runs(1) if run.workflow_name == waiting.run.workflow_name]
            )
            == 2
        )
    assert "the audit is intact" in platform.cli("audit", "verify").stdout

    # What was written while everything ran is whole as well, and holds no secret.
    if request.node.callspec.params["platform_to_lose"] == "sqlite":
        home = tmp_path_factory.mktemp("other") / "home"
        platform.cli("restore", str(kept / "running.tar.gz"), "--digest", running["digest"], "--state", str(home))
        assert not (home / "admin.token").exists()
        assert stat.S_IMODE((home / "records.db").stat().st_mode) == 0o600
        assert platform.canary.encode() not in (home / "prefect" / "prefect.db").read_bytes()


def _lose_everything(platform: Any, request: pytest.FixtureRequest) -> None:
    for path in platform.state.iterdir():
        if path.name not in ("repositories", "up.log"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    if platform.addresses.database_url.startswith("postgresql"):
        server = request.getfixturevalue("postgres_server")
        for url in (platform.addresses.database_url, _prefect_url()):
            name = url.rpartition("/")[2]
            server.drop(name)
            server._execute(f'CREATE DATABASE "{name}" TEMPLATE template0')


def _prefect_url() -> str:
    return os.environ["COMMANDCENTER_PREFECT_DATABASE_URL"]
