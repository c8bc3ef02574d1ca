"""Bundles: what is registered, kept and unpacked is the same code, and nothing else."""

from __future__ import annotations

import io
import py_compile
import tarfile
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from agents.registration.bundle import MAX_BYTES, Bundle, BundleRefused, is_intact, pack, unpack


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "mine"
    (place / "parts").mkdir(parents=True)
    (place / "agent.py").write_text("import parts.one\n")
    (place / "parts" / "one.py").write_text("VALUE = 1\n")
    return place


def contents(place: Path) -> dict[str, str]:
    return {file.relative_to(place).as_posix(): file.read_text() for file in place.rglob("*") if file.is_file()}


def test_a_bundle_gives_back_what_was_packed_for_reading_only(folder: Path, tmp_path: Path) -> None:
    bundle, target = pack(folder), tmp_path / "store" / "copy"
    unpack(bundle, target)
    assert contents(target) == {"agent.py": "import parts.one\n", "parts/one.py": "VALUE = 1\n"}
    assert is_intact(target, bundle.digest)
    assert all(not path.stat().st_mode & 0o222 for path in [target, *target.rglob("*")])
    assert [each.name for each in target.parent.iterdir()] == ["copy"]


def test_the_digest_is_of_the_files_and_changes_with_any(folder: Path) -> None:
    first = pack(folder)
    assert pack(folder) == first
    (folder / "parts" / "one.py").write_text("VALUE = 2\n")
    assert pack(folder).digest != first.digest


def test_byte_code_is_left_out_wherever_python_would_find_it(folder: Path, tmp_path: Path) -> None:
    clean = pack(folder)
    evil = tmp_path / "evil.py"
    evil.write_text("VALUE = 'evil'\n")
    py_compile.compile(str(evil), cfile=str(folder / "parts" / "__pycache__" / "one.cpython-311.pyc"))
    py_compile.compile(str(evil), cfile=str(folder / "sourceless.pyc"))
    assert pack(folder) == clean
    # In a copy it is a sign that somebody wrote there.
    assert not is_intact(folder, clean.digest)


@pytest.mark.parametrize("link", ["agent2.py", "parts/outside"])
def test_links_are_refused(folder: Path, link: str) -> None:
    (folder / link).symlink_to("/etc/passwd")
    with pytest.raises(BundleRefused, match="holds a link"):
        pack(folder)


def test_a_folder_without_an_agent_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleRefused, match=r"holds neither of agent\.py"):
        pack(tmp_path / "none")


def test_code_that_was_changed_where_it_is_kept_is_refused(folder: Path, tmp_path: Path) -> None:
    bundle = pack(folder)
    changed = Bundle(digest=bundle.digest, content=bundle.content.replace(b"VALUE = 1", b"VALUE = 9"))
    with pytest.raises(BundleRefused, match="it was changed since it was registered"):
        unpack(changed, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("name", ["../outside", "/etc/cron.d/x", "a/../../b"])
def test_a_kept_archive_writes_nowhere_else(tmp_path: Path, name: str) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo(name)
        archive.addfile(member, io.BytesIO(b""))
    with pytest.raises(BundleRefused, match="no plain file"):
        unpack(Bundle(digest="sha256:0", content=buffer.getvalue()), tmp_path / "copy")


def test_a_changed_copy_is_replaced_and_many_unpack_at_once(folder: Path, tmp_path: Path) -> None:
    bundle, target = pack(folder), tmp_path / "copy"
    unpack(bundle, target)
    (target / "agent.py").chmod(0o644)
    (target / "agent.py").write_text("evil")
    assert not is_intact(target, bundle.digest)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: unpack(bundle, target), range(8)))
    assert is_intact(target, bundle.digest)


def test_what_one_has_unpacked_no_other_takes_away(folder: Path, tmp_path: Path) -> None:
    """Each looks at once whether it may run what it has put there."""
    bundle = pack(folder)

    def unpacked(target: Path) -> bool:
        unpack(bundle, target)
        return is_intact(target, bundle.digest)

    with ThreadPoolExecutor(8) as pool:
        for number in range(40):
            assert all(pool.map(unpacked, [tmp_path / f"copy-{number}"] * 8))


def test_a_kept_archive_takes_no_more_memory_than_an_agent_may_have(tmp_path: Path) -> None:
    # Sparse members of two blocks each, which read as nearly as much as one file may have.
    content = b"".join(_sparse(f"f{number}", MAX_BYTES - 1) for number in range(40)) + bytes(1024)
    tracemalloc.start()
    try:
        with pytest.raises(BundleRefused, match="larger than an agent's may be"):
            unpack(Bundle(digest="sha256:0", content=content), tmp_path / "copy")
        assert tracemalloc.get_traced_memory()[1] < 3 * MAX_BYTES
    finally:
        tracemalloc.stop()


def _sparse(name: str, size: int) -> bytes:
    """One member in the old GNU format: a hole of that size."""
    member = tarfile.TarInfo(name)
    head = bytearray(member.tobuf(tarfile.GNU_FORMAT))
    head[156:157] = tarfile.GNUTYPE_SPARSE
    head[483:495] = b"%011o\0" % size
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head[:512])
    return bytes(head)
