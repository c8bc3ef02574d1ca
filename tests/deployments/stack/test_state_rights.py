"""The state folder belongs to its owner alone, whichever command made it, and is repaired where it was wider."""

from __future__ import annotations

import os
import subprocess
import threading
from pathlib import Path

import pytest
from forked_command import run_command

from deployments.stack.state_folder import StateFolder


def wide(state: Path) -> dict[str, str]:
    """Files and folders that group or others have any right to."""
    return {
        str(each.relative_to(state)): oct(each.stat().st_mode & 0o777)
        for each in (state, *state.rglob("*"))
        if each.stat().st_mode & 0o077
    }


def command(state: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {
        name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "COMMANDCENTER_STATE")
    }
    return run_command([*arguments, "--state", str(state)], env=env, umask=0o000)


@pytest.mark.parametrize(
    "first",
    [
        ("db", "upgrade"),
        ("audit", "verify"),
        ("doctor",),
        ("env",),
        ("people", "add", "ada", "--role", "viewer"),
        ("projects", "set", "1", "--runs", "3"),
        ("sign-in",),
    ],
    ids=" ".join,
)
def test_whichever_command_comes_first_nobody_else_can_read(tmp_path: Path, first: tuple[str, ...]) -> None:
    state = tmp_path / "state"
    command(state, *first)
    assert not state.exists() or wide(state) == {}
    command(state, "db", "upgrade")
    assert wide(state) == {}


@pytest.mark.parametrize(
    "reading",
    [
        ("people", "list"),
        ("people", "revoke", "ada"),
        ("tokens", "list"),
        ("projects", "list"),
        ("publishers", "list"),
        ("changes", "list"),
        ("audit", "verify"),
        ("stats",),
        ("runs",),
    ],
    ids=" ".join,
)
def test_what_reads_makes_nothing_and_says_that_there_is_nothing(tmp_path: Path, reading: tuple[str, ...]) -> None:
    state = tmp_path / "folder" / "state"
    done = command(state, *reading)
    assert done.returncode == 1
    assert "commandcenter up" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_was_wider_is_repaired(tmp_path: Path) -> None:
    state = tmp_path / "state"
    command(state, "db", "upgrade")
    (state / "secrets").mkdir()
    (state / "secrets" / "SLACK_BOT_TOKEN").write_text("xoxb")
    for each in (state, *state.rglob("*")):
        each.chmod(0o777 if each.is_dir() else 0o666)
    command(state, "env")
    assert state.stat().st_mode & 0o777 == 0o700
    assert (state / "records.db").stat().st_mode & 0o777 == 0o600
    assert (state / "secrets" / "SLACK_BOT_TOKEN").stat().st_mode & 0o777 == 0o600


def test_files_that_come_and_go_meanwhile_are_no_error(tmp_path: Path) -> None:
    """SQLite makes `records.db-wal` with the first connection and removes it with the last."""
    ended = threading.Event()

    def come_and_go() -> None:
        while not ended.is_set():
            (tmp_path / "records.db-wal").touch(0o644)
            (tmp_path / "records.db-wal").unlink(missing_ok=True)

    thread = threading.Thread(target=come_and_go)
    thread.start()
    try:
        for _ in range(2000):
            StateFolder(tmp_path).repair()
    finally:
        ended.set()
        thread.join()
