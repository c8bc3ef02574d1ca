"""Which code runs: the copy made at registration, whatever has become of the folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from agents.registration.builtin_agents import builtin_spec
from agents.registration.bundle import pack
from compiler.catalogue import AgentSpec
from tasks.agent_code import CodeRefused, code_of


class Kept:
    """Bundles in memory."""

    def __init__(self) -> None:
        self.bundles: dict[str, bytes] = {}

    async def bundle(self, digest: str) -> bytes | None:
        return self.bundles.get(digest)


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def spec(tmp_path: Path, kept: Kept) -> AgentSpec:
    """An agent that is registered, with its code kept."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "agent.py").write_text("reviewed")
    bundle = pack(folder)
    kept.bundles[bundle.digest] = bundle.content
    return AgentSpec(
        name="mine",
        type="SCRIPT",
        version="1.0.0",
        risk="AUTO",
        entry_path=str(folder),
        code_digest=bundle.digest,
    )


async def test_the_registered_copy_runs_after_the_folder_has_changed_or_gone(
    spec: AgentSpec, kept: Kept, tmp_path: Path
) -> None:
    (Path(spec.entry_path) / "agent.py").write_text("changed after the review")
    found = await code_of(spec, records=kept, store=tmp_path / "store")
    assert (Path(found) / "agent.py").read_text() == "reviewed"
    gone = replace(spec, entry_path="/nowhere/at/all")
    assert await code_of(gone, records=kept, store=tmp_path / "another-worker") != spec.entry_path


async def test_a_copy_that_was_changed_on_this_machine_is_made_anew(
    spec: AgentSpec, kept: Kept, tmp_path: Path
) -> None:
    found = Path(await code_of(spec, records=kept, store=tmp_path / "store"))
    (found / "agent.py").chmod(0o644)
    (found / "agent.py").write_text("evil")
    again = Path(await code_of(spec, records=kept, store=tmp_path / "store"))
    assert (again / "agent.py").read_text() == "reviewed"
    found.chmod(0o755)
    (found / "__pycache__").mkdir()
    (found / "__pycache__" / "agent.cpython-311.pyc").write_bytes(b"evil")
    await code_of(spec, records=kept, store=tmp_path / "store")
    assert not (found / "__pycache__").exists()


async def test_code_that_was_changed_in_the_database_does_not_run(
    spec: AgentSpec, kept: Kept, tmp_path: Path
) -> None:
    kept.bundles[spec.code_digest] = kept.bundles[spec.code_digest].replace(b"reviewed", b"hostile!")
    with pytest.raises(CodeRefused, match="it was changed since it was registered"):
        await code_of(spec, records=kept, store=tmp_path / "store")


@pytest.mark.parametrize("digest", ["", "sha256:" + "0" * 64, "sha256:../../etc", "sha256:/etc"])
async def test_code_that_is_not_kept_does_not_run(
    spec: AgentSpec, kept: Kept, tmp_path: Path, digest: str
) -> None:
    with pytest.raises(CodeRefused, match="register it again"):
        await code_of(replace(spec, code_digest=digest), records=kept, store=tmp_path / "store")


async def test_a_built_in_agent_of_another_version_does_not_run(kept: Kept, tmp_path: Path) -> None:
    shipped = builtin_spec("notifier")
    assert await code_of(shipped, records=kept, store=tmp_path) == shipped.entry_path
    with pytest.raises(CodeRefused, match="is not that which is registered"):
        await code_of(replace(shipped, code_digest="sha256:older"), records=kept, store=tmp_path)
