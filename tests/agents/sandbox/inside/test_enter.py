"""What of a container's image is covered before the jail stands."""

from __future__ import annotations

import sys
from pathlib import Path

from agents.sandbox.inside import enter


def test_a_folder_is_closed_where_it_is_and_followed_where_it_is_a_link(tmp_path: Path) -> None:
    (tmp_path / "var" / "home").mkdir(parents=True)
    (tmp_path / "home").symlink_to(tmp_path / "var" / "home")
    closed = str(tmp_path / "var" / "home")
    assert enter._covered(f"{enter.CLOSE}{tmp_path}/home") == [
        *("--perms", "0000", "--tmpfs", closed, "--remount-ro", closed)
    ]
    assert enter._covered(f"{enter.CLOSE}{tmp_path}/none") == []


def test_the_folder_of_the_interpreter_stays_open() -> None:
    assert enter._covered(f"{enter.CLOSE}{Path(sys.executable).resolve().parent}") == []


def test_a_file_is_hidden_or_replaced_where_it_is(tmp_path: Path) -> None:
    file = tmp_path / "passwd"
    file.touch()
    assert enter._covered(f"{enter.HIDE}{file}") == ["--ro-bind", "/dev/null", str(file)]
    assert enter._covered(f"{enter.REPLACE}{file}=/jail/etc/passwd") == [
        "--ro-bind",
        "/jail/etc/passwd",
        str(file),
    ]
    assert enter._covered(f"{enter.REPLACE}{tmp_path}/none=/jail/etc/none") == []
    assert enter._covered("--clearenv") is None
