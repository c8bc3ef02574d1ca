"""A folder → what the stack remembers from one run to the next, locked against a second stack."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
from pathlib import Path
from typing import Any, cast

from deployments.errors import StateInUse

_PRIVATE = ("logs", "run", "secrets", "prefect")
"""Folders whose files are repaired too. The others are reached through the state folder only."""


class StateFolder:
    """`<state>`: databases, logs, JetStream's store, and `stack.json` with the ports and the passwords of the parts.

    Readable by its owner only: it holds the passwords and whatever the workflows work on.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock: int | None = None

    @property
    def logs(self) -> Path:
        """One log file for each part."""
        return self.path / "logs"

    @property
    def memory(self) -> Path:
        """The file of what is remembered."""
        return self.path / "stack.json"

    def create(self) -> None:
        """Make the folder for its owner only, whichever command comes first, and repair it where it is wider."""
        for folder in (self.path, self.logs, self.path / "run"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.repair()

    def repair(self) -> None:
        """Take all rights from group and others: of the folder, and of the files in which secrets may be."""
        if not self.path.is_dir():
            return
        _owner_only(self.path)
        for place in (self.path, *(self.path / name for name in _PRIVATE)):
            if place.is_dir() and not place.is_symlink():
                for each in place.iterdir():
                    if each.is_file() and not each.is_symlink():
                        _owner_only(each)

    def acquire(self) -> None:
        """Create the folder and lock it until `release`; the lock goes with the process, however that ends."""
        self.create()
        lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            owner = os.pread(lock, 32, 0).decode(errors="replace").strip()
            os.close(lock)
            raise StateInUse(self.path, owner) from exc
        for stale in self.logs.glob("*.errors.json"):  # of a stack that was killed
            stale.unlink()
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        self._lock = lock

    def locked(self) -> bool:
        """Whether a stack, this process's or another's, works on the folder now."""
        if self._lock is not None:
            return True
        try:
            with (self.path / "lock").open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def release(self) -> None:
        """Let another stack use the folder."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def remembered(self) -> dict[str, Any]:
        """What the last run wrote; nothing if there was none or its file was cut short."""
        try:
            found: object = json.loads(self.memory.read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return cast("dict[str, Any]", found) if isinstance(found, dict) else {}

    def remember(self, values: dict[str, Any]) -> None:
        """Replace the memory in one step, so that a crash leaves the old or the new one."""
        self.write(self.memory, json.dumps(values, indent=2) + "\n")

    def password(self, of: str) -> str:
        """The remembered password called `of`, or a new one."""
        known = self.remembered().get("passwords")
        found = cast("dict[str, Any]", known).get(of) if isinstance(known, dict) else None
        return found if isinstance(found, str) else secrets.token_urlsafe(24)

    @staticmethod
    def write(path: Path, text: str) -> None:
        """Write a file that only its owner can read, in one step."""
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
        draft.replace(path)


def _owner_only(path: Path) -> None:
    # The databases beside it come and go with their connections (`records.db-wal`).
    with contextlib.suppress(FileNotFoundError):
        mode = path.stat().st_mode & 0o777
        if mode & 0o077:
            path.chmod(mode & 0o700)
