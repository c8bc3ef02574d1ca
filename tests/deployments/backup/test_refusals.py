"""What a restore refuses, on both databases: it changes nothing then. The whole way is in tests/end_to_end."""

from __future__ import annotations

import json
import os
import shutil
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from compiler.catalogue import ActionSpec, AgentSpec
from deployments.backup.backup import backup
from deployments.backup.errors import BackupFailed, RestoreRefused
from deployments.backup.places import Places, places_of
from deployments.backup.restore import restore
from records import Records, upgrade
from records.copies.errors import CopyRefused
from records.copies.postgres_copy import PostgresSnapshot
from records.copies.sqlite_copy import SqliteSnapshot

SCHEMA: dict[str, Any] = {"type": "object", "properties": {}}
AGENT = AgentSpec(
    name="keeper",
    type="SCRIPT",
    version="1.0.0",
    risk="AUTO",
    entry_path="agents.keeper",
    description='a tab\t, a line\n, \\N and "é"',
    actions={"work": ActionSpec(name="work", input_schema=SCHEMA, output_schema=SCHEMA)},
)


@dataclass
class Case:
    """A home with records in it, and empty homes to restore into."""

    home: Places
    empty: Callable[[], Places]
    folder: Path

    async def backed_up(self, name: str = "backup", **options: Any) -> Path:
        target = self.folder / name
        await backup(self.home, target, prefect=False, streams=False, **options)
        return target


@pytest.fixture(params=["sqlite", "postgresql"])
async def case(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    monkeypatch.delenv("COMMANDCENTER_SIGNING_KEY_FILE")
    numbers = iter(range(100))

    def url() -> str | None:
        if request.param == "sqlite":
            return None
        server = request.getfixturevalue("postgres_server")
        return server.url(server.create())

    def empty() -> Places:
        state = tmp_path / f"home-{next(numbers)}"
        monkeypatch.setenv("COMMANDCENTER_STATE", str(state))
        return places_of(state, database=url())

    home = empty()
    home.state.create()
    await upgrade(home.records_url)
    async with await Records.open(home.records_url) as records:
        await records.register_agent(1, AGENT)
    home.signing_key.write_bytes(os.urandom(32))
    (home.state.path / "secrets").mkdir()
    (home.state.path / "secrets" / "TOKEN").write_text("not for everybody")
    return Case(home=home, empty=empty, folder=tmp_path)


async def _agents(places: Places) -> list[str | None]:
    async with await Records.open(places.records_url) as records:
        return [each.description for each in (await records.catalogue(1)).agents.values()]


async def test_what_comes_back_is_what_was_there_with_the_key_and_without_secrets(case: Case) -> None:
    source = await case.backed_up("whole.tar")
    home = case.empty()
    done = await restore(source, home)
    assert await _agents(home) == [AGENT.description]
    assert done.audit.intact
    assert home.signing_key.read_bytes() == case.home.signing_key.read_bytes()
    assert not (home.state.path / "secrets").exists()

    other = case.empty()
    await restore(await case.backed_up("secret.tgz", secrets=True), other)
    assert (other.state.path / "secrets" / "TOKEN").read_text() == "not for everybody"

    assert not list(case.folder.glob(".*"))


async def test_an_archive_is_unpacked_by_a_python_whose_archives_have_no_filters(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Debian 12's 3.11.2, which is the image's."""
    source = await case.backed_up("whole.tar.gz")

    def extract(self: tarfile.TarFile, member: Any, path: Any = "") -> None:
        raise AssertionError("what it writes depends on the version")

    monkeypatch.setattr(tarfile.TarFile, "extract", extract)
    home = case.empty()
    await restore(source, home)
    assert await _agents(home) == [AGENT.description]


@pytest.mark.parametrize("name", ["../evil", "/tmp/evil", "records/../../evil", "link"])
async def test_an_archive_that_reaches_out_of_its_folder_is_refused(case: Case, name: str) -> None:
    source = await case.backed_up("whole.tar")
    member = tarfile.TarInfo(name)
    if name == "link":
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
    with tarfile.open(source, "a") as tar:
        tar.addfile(member)
    await _refused(source, case, "no plain file of a backup")
    assert not list(case.folder.rglob("evil"))
    assert not Path("/tmp/evil").exists()


async def test_a_file_that_was_changed_added_or_lost_is_found_before_anything_is_written(case: Case) -> None:
    source = await case.backed_up()
    data = next(each for each in source.rglob("*") if each.name in ("Agent.copy", "records.db"))
    content = data.read_bytes()

    data.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    await _refused(source, case, "changed or damaged")
    data.unlink()
    await _refused(source, case, "missing")
    data.write_bytes(content)
    (source / "more").write_text("x")
    await _refused(source, case, "not named")
    (source / "more").unlink()
    with pytest.raises(RestoreRefused, match="not the one of that digest"):
        await restore(source, case.empty(), expected_digest="0" * 64)
    (source / "manifest.json").unlink()
    await _refused(source, case, "is no backup")


async def test_a_newer_format_schema_or_prefect_is_refused(case: Case) -> None:
    source = await case.backed_up()
    manifest = source / "manifest.json"
    whole = json.loads(manifest.read_text())

    def say(**changes: Any) -> None:
        manifest.write_text(json.dumps({**whole, **changes}))

    say(format=99)
    await _refused(source, case, "format 99")
    say(records={**whole["records"], "revision": "9999"})
    await _refused(source, case, "at revision '9999'")
    say(prefect={**whole["records"], "file": "records.db"}, prefectVersion="99.0.0")
    await _refused(source, case, r"made with Prefect 99\.0\.0")


async def test_nothing_that_is_there_is_overwritten(case: Case) -> None:
    source = await case.backed_up()
    with pytest.raises(BackupFailed, match="is there already"):
        await case.backed_up()
    before = await _agents(case.home)
    with pytest.raises(RestoreRefused, match=r"already|has rows"):
        await restore(source, case.home)
    assert await _agents(case.home) == before

    busy = case.empty()
    busy.state.acquire()
    try:
        with pytest.raises(RestoreRefused, match="a platform runs"):
            await restore(source, busy)
    finally:
        busy.state.release()


async def test_a_copy_is_of_one_moment_whatever_is_written_meanwhile(case: Case) -> None:
    from deployments.backup.databases import DatabaseSnapshot

    target = case.folder / "moment"
    target.mkdir()
    with DatabaseSnapshot(case.home.records_url) as snapshot:
        async with await Records.open(case.home.records_url) as records:
            await records.register_agent(2, AGENT)
        copy = snapshot.write(target, secrets=False)
    if copy.kind == "sqlite":
        with SqliteSnapshot(target / copy.file) as found:
            assert found.one('SELECT count(*) FROM "Agent"') == 1
    else:
        assert [each.rows for each in copy.tables if each.name == "Agent"] == [1]


async def test_a_disk_that_is_full_leaves_no_backup_and_says_so(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = case.folder / "full"

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(
        SqliteSnapshot if case.home.records_url.startswith("sqlite") else PostgresSnapshot, "write", full
    )
    with pytest.raises(BackupFailed, match="no space is left"):
        await backup(case.home, target, prefect=False, streams=False)
    assert not target.exists()
    assert not list(case.folder.glob("*.partial"))


async def _refused(source: Path, case: Case, why: str) -> None:
    home = case.empty()
    with pytest.raises((RestoreRefused, CopyRefused), match=why):
        await restore(source, home)
    assert not home.state.path.exists()
    if home.records_url.startswith("postgresql"):
        with PostgresSnapshot(home.records_url) as found:
            assert found.tables() == []
    shutil.rmtree(home.state.path, ignore_errors=True)
