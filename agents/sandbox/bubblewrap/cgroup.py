"""A run's memory and process limits -> a control group of its own, where this process may make one (v2, or v1)."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_REMOVALS, _PAUSE_SECONDS = 200, 0.01


@dataclass(frozen=True, kw_only=True)
class Group:
    """A control group that holds one run."""

    folders: tuple[Path, ...]
    """One; more where controllers have hierarchies of their own."""
    memory: bool
    processes: bool

    @property
    def held(self) -> dict[str, str]:
        """Limit -> what enforces it."""
        wanted = (("memory", self.memory), ("processes", self.processes))
        return {name: "cgroup" for name, holds in wanted if holds}

    def add(self, pid: int) -> None:
        """Put a process, and what it will start, into the group. Raises OSError."""
        for folder in self.folders:
            (folder / "cgroup.procs").write_text(str(pid))

    def out_of_memory(self) -> bool:
        """Whether the kernel ended a process of the group for want of memory."""
        for folder in self.folders:
            for name in ("memory.events", "memory.oom_control"):
                with contextlib.suppress(OSError):
                    if _count((folder / name).read_text(), "oom_kill") > 0:
                        return True
        return False

    async def remove(self) -> None:
        """Remove the group; its processes were ended, which the kernel may take a moment to finish."""
        for folder in self.folders:
            for _ in range(_REMOVALS):
                try:
                    folder.rmdir()
                    break
                except OSError as exc:
                    if exc.errno != errno.EBUSY:
                        break
                    await asyncio.sleep(_PAUSE_SECONDS)


def make_group(*, memory_mb: int, processes: int) -> Group | None:
    """A new group with these limits; None where this process may not make one."""
    name = f"commandcenter-{os.getpid()}-{secrets.token_hex(6)}"
    parents = _parents()
    if "" in parents:
        settings = {"memory.max": memory_mb << 20, "memory.swap.max": 0, "pids.max": processes}
        folder = _make(parents[""] / name, settings, needed="memory.max")
        if folder is not None:
            return Group(folders=(folder,), memory=True, processes=(folder / "pids.max").exists())
    if "memory" not in parents:
        return None
    # v1: processes are left to the resource limit, which counts them by user; a second move would cost more time.
    limit = memory_mb << 20
    settings = {"memory.limit_in_bytes": limit, "memory.memsw.limit_in_bytes": limit}
    folder = _make(parents["memory"] / name, settings, needed="memory.limit_in_bytes")
    return None if folder is None else Group(folders=(folder,), memory=True, processes=False)


def _make(folder: Path, settings: dict[str, int], *, needed: str) -> Path | None:
    try:
        folder.mkdir()
    except OSError:
        return None
    for name, value in settings.items():
        try:
            (folder / name).write_text(str(value))
        except OSError:
            if name == needed:
                folder.rmdir()
                return None
    return folder


def _parents() -> dict[str, Path]:
    """Controller -> folder we may make groups in; "" is v2, and only when it hands memory down."""
    found: dict[str, Path] = {}
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return found
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            folder = _ROOT / path.lstrip("/")
            with contextlib.suppress(OSError):
                if "memory" in (folder / "cgroup.subtree_control").read_text().split():
                    found[""] = folder
        for controller in {"memory"} & set(controllers.split(",")):
            folder = _ROOT / controller / path.lstrip("/")
            # In a container the path is the host's, and the mount is already ours.
            found[controller] = folder if folder.is_dir() else _ROOT / controller
    return {name: folder for name, folder in found.items() if os.access(folder, os.W_OK)}


def _count(text: str, key: str) -> int:
    for line in text.splitlines():
        name, _, value = line.partition(" ")
        if name == key:
            return int(value)
    return 0
