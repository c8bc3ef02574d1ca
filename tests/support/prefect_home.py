"""A home for a Prefect server whose database has its tables already, and nothing in them.

Making the tables takes seconds of a CPU. One server of a whole test run makes them, whatever number of processes
pytest has; all others begin with a copy.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from answering import wait_until_it_answers


def fill_prefect_home(factory: pytest.TempPathFactory, home: Path) -> None:
    """Put database and memo store into `home`, which is made if it is not there."""
    base = factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "prefect-home"
    shared.mkdir(exist_ok=True)
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "made" / "memo_store.toml").exists():
            _make(shared)
    _copy(shared / "made", home)


def _make(shared: Path) -> None:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    env = {**kept, "PREFECT_HOME": str(shared / "making"), "DO_NOT_TRACK": "1"}
    command = [sys.executable, "-m", "deployments.prefect_server", "--port", str(port)]
    with (shared / "log").open("wb") as log:
        process = subprocess.Popen(command, env=env, stdout=log, stderr=log)
    try:
        made = shared / "making" / "memo_store.toml"
        wait_until_it_answers(f"http://127.0.0.1:{port}/api/health", process, besides=made.exists)
        _copy(shared / "making", shared / "made")
    finally:
        process.kill()
        process.wait()


def _copy(source: Path, home: Path) -> None:
    home.mkdir(parents=True, exist_ok=True)
    with (
        contextlib.closing(sqlite3.connect(source / "prefect.db")) as database,
        contextlib.closing(sqlite3.connect(home / "prefect.db")) as copy,
    ):
        database.backup(copy)
    shutil.copy(source / "memo_store.toml", home)
