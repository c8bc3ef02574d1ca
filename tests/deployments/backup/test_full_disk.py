"""A file system that is full, a real one: what was written stays, what cannot be written says so, and it goes on."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from compiler.catalogue import ActionSpec, AgentSpec
from deployments.backup.backup import backup
from deployments.backup.errors import BackupFailed
from deployments.backup.places import places_of
from records import DatabaseUnavailable, Records, upgrade

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"text": {"type": "string", "description": "x" * 20_000}},
}


def _agent(number: int) -> AgentSpec:
    return AgentSpec(
        name=f"agent-{number}",
        type="SCRIPT",
        version="1.0.0",
        risk="AUTO",
        entry_path="agents.keeper",
        actions={"work": ActionSpec(name="work", input_schema=SCHEMA, output_schema=SCHEMA)},
    )


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no file system can be mounted here: run this as root, with CAP_SYS_ADMIN")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


async def test_records_on_a_full_disk_lose_nothing_and_go_on_when_there_is_room(
    small_disk: Path, tmp_path: Path
) -> None:
    url = f"sqlite:///{small_disk / 'records.db'}"
    await upgrade(url)
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(2 << 20))
    async with await Records.open(url) as records:
        with pytest.raises(DatabaseUnavailable, match="full"):
            await _fill(records)
        kept = len(await records.agents(1))
        assert 0 < kept < 200
        assert {each.name for each in await records.agents(1)} == {f"agent-{number}" for number in range(kept)}

        # A backup onto the full disk leaves nothing behind; one elsewhere is whole.
        places = places_of(tmp_path / "home", database=url)
        with pytest.raises(BackupFailed, match="no space is left"):
            await backup(places, small_disk / "backup", prefect=False, streams=False)
        assert sorted(path.name for path in small_disk.iterdir() if "backup" in path.name) == []
        await backup(places, tmp_path / "backup", prefect=False, streams=False)
        assert (tmp_path / "backup" / "records.db").stat().st_size > 1 << 20

        ballast.unlink()
        await records.register_agent(1, _agent(kept))
        assert len(await records.agents(1)) == kept + 1
    assert (await _again(url)) == kept + 1


async def _fill(records: Records) -> None:
    for number in range(200):
        await records.register_agent(1, _agent(number))


async def _again(url: str) -> int:
    async with await Records.open(url) as records:
        return len(await records.agents(1))
