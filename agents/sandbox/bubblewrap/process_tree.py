"""A process id -> the processes below it, the memory they hold, and their end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path

from agents.sandbox.inside.kernel_memory import kernel_kilobytes

_PROC = Path("/proc")


def tree(pid: int) -> list[int]:
    """The process and all below it, parents first."""
    found: list[int] = []
    todo = [pid]
    while todo:
        current = todo.pop(0)
        found.append(current)
        with contextlib.suppress(OSError):
            for thread in (_PROC / str(current) / "task").iterdir():
                todo += [int(child) for child in (thread / "children").read_text().split()]
    return found


def kill_tree(pid: int) -> None:
    """End a jail: with the first process of its PID namespace the kernel ends every other in it."""
    for member in reversed(tree(pid)[:2]):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(member, signal.SIGKILL)


async def wait_for_memory_above(pid: int, *, megabytes: int, every: float = 0.2) -> None:
    """Return when the processes below `pid` together hold more than that; what they share counts once.

    As in a control group, what the kernel holds for them counts as well: see `inside.kernel_memory`.
    """
    limit = megabytes << 10
    while True:
        await asyncio.sleep(every)
        members = tree(pid)[1:]
        kernel = kernel_kilobytes(members[-1]) if members else 0
        # Cheap first: what is shared counts several times here, so this can only be too high.
        if sum(map(_resident, members)) + kernel > limit and sum(map(_proportional, members)) + kernel > limit:
            return


def _resident(pid: int) -> int:
    return _kilobytes(pid, "status", ("RssAnon:", "RssShmem:"))


def _proportional(pid: int) -> int:
    return _kilobytes(pid, "smaps_rollup", ("Pss_Anon:", "Pss_Shmem:")) or _resident(pid)


def _kilobytes(pid: int, file: str, names: tuple[str, ...]) -> int:
    try:
        lines = (_PROC / str(pid) / file).read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith(names))
