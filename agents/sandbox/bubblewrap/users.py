"""Started by root -> user ids of the host that are otherwise unused, one for each run.

A user namespace is made once: its root is the host's root, so that bubblewrap can reach what it is to show, and
its other ids are high ids of the host that own nothing. The launcher becomes one of them before it starts the
agent.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from agents.sandbox.bubblewrap.host import AGENT_UID

COUNT = 512
_HIGH = 2_000_000_000
_ENTER = """
import ctypes, os, sys
if ctypes.CDLL(None, use_errno=True).unshare(0x10000000) != 0:
    sys.exit(os.strerror(ctypes.get_errno()))
os.write(1, b"x")
os.read(0, 1)
"""


class NoUserNamespace(OSError):
    """A user namespace could not be made."""


class OwnUsers:
    """The namespace and which of its ids are in use."""

    def __init__(self) -> None:
        first = _free_ids()
        self.namespace = _make_namespace(f"0 0 1\n{AGENT_UID} {first} {COUNT}\n")
        """Open file descriptor; bubblewrap enters it."""
        self._free = list(self.ids)

    @property
    def ids(self) -> range:
        """Ids inside the namespace that agents may get."""
        return range(AGENT_UID, AGENT_UID + COUNT)

    def take(self) -> int:
        """An id inside the namespace that no other run of this process has. Raises NoUserNamespace."""
        if not self._free:
            raise NoUserNamespace(f"more than {COUNT} agents at once")
        return self._free.pop(0)

    def give_back(self, uid: int) -> None:
        """The run of that id has ended."""
        self._free.append(uid)

    def close(self) -> None:
        """Close the namespace."""
        os.close(self.namespace)


def _free_ids() -> int:
    """The first of COUNT high ids that exist in our own user namespace; processes take different ones."""
    spread = _HIGH + (os.getpid() % 4096) * COUNT
    ranges = [
        (int(inside), int(size))
        for inside, _, size in (line.split() for line in Path("/proc/self/uid_map").read_text().splitlines())
    ]
    if any(inside <= spread and spread + COUNT <= inside + size for inside, size in ranges):
        return spread
    # Within a container that has few ids of its own: the last ones.
    inside, size = max(ranges, key=lambda entry: entry[1])
    if size < COUNT * 4:
        raise NoUserNamespace("too few user ids in this container to give agents ids of their own")
    return inside + size - COUNT


def _make_namespace(mapping: str) -> int:
    command = [sys.executable, "-I", "-S", "-c", _ENTER]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={}
    ) as holder:
        assert holder.stdout is not None
        assert holder.stderr is not None
        if holder.stdout.read(1) != b"x":
            raise NoUserNamespace(holder.stderr.read().decode(errors="replace").strip() or "unshare failed")
        root = Path("/proc", str(holder.pid))
        try:
            (root / "uid_map").write_text(mapping)
            (root / "gid_map").write_text(mapping)
            return os.open(root / "ns" / "user", os.O_RDONLY | os.O_CLOEXEC)
        except OSError as exc:
            raise NoUserNamespace(f"mapping user ids: {exc}") from exc
