"""Process ids -> CPU seconds and memory of these processes and all that descends from them, from /proc."""

from __future__ import annotations

import asyncio
import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_SAMPLE_SECONDS = 0.25


def cpu_seconds(roots: Sequence[int]) -> float:
    """User and system time so far, of the living and of those that have been waited for."""
    total = 0.0
    for pid in _tree(roots):
        with suppress(OSError, IndexError):
            total += sum(own_and_ended(pid))
    return total


def own_and_ended(pid: int) -> tuple[float, float]:
    """CPU seconds so far of the process alone, and of those that it has waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    own_user, own_system, ended_user, ended_system = map(int, fields[11:15])
    return (own_user + own_system) / _TICKS, (ended_user + ended_system) / _TICKS


def memory_mb(roots: Sequence[int]) -> float:
    """Proportional set size: a page that several processes share counts once in all."""
    total = 0
    for pid in _tree(roots):
        with suppress(OSError, StopIteration):
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            total += int(next(line for line in lines if line.startswith("Pss:")).split()[1])
    return total / 1024


class Peak:
    """The highest memory while the context is open; looks four times a second."""

    def __init__(self, pids: Callable[[], Sequence[int]]) -> None:
        self.megabytes = 0.0
        self._pids = pids
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Peak:
        self._task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _watch(self) -> None:
        while True:
            self.megabytes = max(self.megabytes, await asyncio.to_thread(memory_mb, list(self._pids())))
            await asyncio.sleep(_SAMPLE_SECONDS)


def _tree(roots: Sequence[int]) -> list[int]:
    children: dict[int, list[int]] = defaultdict(list)
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with suppress(OSError, IndexError):
                parent = int(Path(entry.path, "stat").read_text().rpartition(")")[2].split()[1])
                children[parent].append(int(entry.name))
    found = list(dict.fromkeys(roots))
    for pid in found:
        found += [child for child in children[pid] if child not in found]
    return found
