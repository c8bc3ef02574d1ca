"""A process of a jail -> the memory that the kernel holds for the jail: files in memory, and what sockets may queue.

No process's size shows it. A control group counts it; where there is none, this does: from outside by a process id, or
inside by the name `self`.
"""

from __future__ import annotations

import os

_INODE_BYTES = 1_024
"""What an empty file costs, at least: its inode and its name."""
_USUAL_SOCKETS = 64
"""Not counted, for each other counts as if it were full: nothing tells how much a local socket has queued."""
_SOCKET_BYTES = 425_984
_MAX_MOUNTS = 100


def kernel_kilobytes(pid: int | str) -> int:
    """Kilobytes for the namespaces of that process; 0 for one that has ended."""
    return (_files(pid) + _local_sockets(pid) + _queues(pid)) >> 10


def _files(pid: int | str) -> int:
    """Bytes in its filesystems of memory, with their inodes."""
    total = 0
    for place in _memory_mounts(pid)[:_MAX_MOUNTS]:
        try:
            found = os.statvfs(f"/proc/{pid}/root{place}")
        except OSError:
            continue
        total += (found.f_blocks - found.f_bfree) * found.f_frsize
        total += (found.f_files - found.f_ffree) * _INODE_BYTES
    return total


def _memory_mounts(pid: int | str) -> list[str]:
    fields = [line.split(" ") for line in _lines(pid, "mounts")]
    return [each[1] for each in fields if len(each) > 2 and each[2] == "tmpfs"]


def _local_sockets(pid: int | str) -> int:
    return max(0, len(_lines(pid, "net/unix")) - 1 - _USUAL_SOCKETS) * _SOCKET_BYTES


def _queues(pid: int | str) -> int:
    """Bytes that its TCP and UDP sockets have queued."""
    total = 0
    for name in ("tcp", "tcp6", "udp", "udp6"):
        for line in _lines(pid, f"net/{name}")[1:]:
            try:
                sent, _, received = line.split()[4].partition(":")
                total += int(sent, 16) + int(received, 16)
            except (ValueError, IndexError):
                continue
    return total


def _lines(pid: int | str, file: str) -> list[str]:
    try:
        with open(f"/proc/{pid}/{file}", errors="replace") as lines:  # noqa: PTH123 - pathlib is slow to import in here
            return lines.read().splitlines()
    except OSError:
        return []
