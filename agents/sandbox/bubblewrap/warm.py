"""Jails started ahead of requests, while cores are idle; each is used once, and ended when it gets old.

A warm jail holds an agent that is imported and waits for its request. What the import does happens inside every
limit of the jail and has nothing to act on: only requests without mounts and without network are served, and a jail
that will be given secrets imports the SDK alone, since an agent may look for its secrets while it is imported.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import agents
from agents.sandbox.port import AgentRequest, Limits

MAX_AGE_SECONDS = 120.0
"""A jail that nobody needed for so long is dropped."""
_MIN_FREE_BYTES = 512 << 20
"""Below this nothing is started ahead."""
_MAX_FILES = 2_000
"""An agent with more files is started when it is needed: looking at all of them would take longer."""
_BUILTIN = "agents."

Signature = tuple[tuple[str, int, int, int], ...]
"""Relative path, inode, size and time of change of each file of an agent."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What has to be equal for a jail to serve a request."""

    entry_path: str
    code: Signature
    limits: Limits
    settings: tuple[tuple[str, str], ...]
    environment: Path | None
    preload: bool
    """Whether the agent itself is imported ahead."""


class Standing(Protocol):
    """A jail that waits for its request."""

    @property
    def alive(self) -> bool:
        """Whether its process is still there."""
        ...

    def kill(self) -> None:
        """End its processes, from whichever event loop."""
        ...

    async def close(self) -> None:
        """End it and release all that belongs to it."""
        ...


S = TypeVar("S", bound=Standing)


def shape_of(request: AgentRequest) -> Shape | None:
    """None: this request needs a jail of its own."""
    if request.mounts or request.network:
        return None
    code = _signature(request.entry_path)
    if code is None:
        return None
    return Shape(
        entry_path=request.entry_path,
        code=code,
        limits=request.limits,
        settings=tuple(sorted(request.settings.items())),
        environment=request.environment,
        preload=not request.secrets,
    )


class WarmJails(Generic[S]):
    """At most `most` jails that wait, one for each of the shapes that were used last."""

    def __init__(
        self, start: Callable[[AgentRequest], Awaitable[S]], *, most: int, max_age: float = MAX_AGE_SECONDS
    ) -> None:
        self._start, self.most, self._max_age = start, most, max_age
        self._waiting: OrderedDict[Shape, asyncio.Task[S]] = OrderedDict()
        self._leaving: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._running = 0
        self.used = 0
        """How many requests were served by a jail that stood already."""

    @contextlib.contextmanager
    def running(self) -> Generator[None]:
        """Around each execution: while as many run as there are cores, nothing is started ahead."""
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1

    async def take(self, shape: Shape) -> S | None:
        """A jail of that shape, perhaps one that is still starting; it is the caller's from now on."""
        task = self._waiting.pop(shape, None) if self._is_ours() else None
        if task is None:
            return None
        try:
            jail = await asyncio.shield(task)
        except asyncio.CancelledError:
            self._drop(task)
            raise
        except Exception:
            return None  # the caller starts one of its own, and reports what is wrong
        if not jail.alive:
            await jail.close()
            return None
        self.used += 1
        return jail

    def prepare(self, shape: Shape, request: AgentRequest) -> None:
        """Start a jail of that shape, unless there is one, or no core or memory is free for it."""
        if (
            self.most < 1
            or not self._is_ours()
            or self._running >= (os.cpu_count() or 1)
            or _free_bytes() < _MIN_FREE_BYTES
        ):
            return
        if shape in self._waiting:
            self._waiting.move_to_end(shape)
            return
        while len(self._waiting) >= self.most:
            self._drop(self._waiting.popitem(last=False)[1])
        task = asyncio.ensure_future(self._start(request))
        task.add_done_callback(_look_at_error)
        self._waiting[shape] = task
        asyncio.get_running_loop().call_later(self._max_age, self._expire, shape, task)

    async def close(self) -> None:
        """End all of them. From another event loop than theirs: their processes."""
        if not self._is_ours():
            for task in self._waiting.values():
                if task.done() and not task.cancelled() and task.exception() is None:
                    task.result().kill()
            return
        while self._waiting:
            self._drop(self._waiting.popitem()[1])
        await asyncio.gather(*self._leaving, return_exceptions=True)

    def _expire(self, shape: Shape, task: asyncio.Task[S]) -> None:
        if self._waiting.get(shape) is task:
            self._drop(self._waiting.pop(shape))

    def _drop(self, task: asyncio.Task[S]) -> None:
        async def end() -> None:
            with contextlib.suppress(Exception):
                await (await task).close()

        leaving = asyncio.ensure_future(end())
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)

    def _is_ours(self) -> bool:
        """Whether this is the event loop of the first use; pipes belong to the one that opened them."""
        loop = asyncio.get_running_loop()
        self._loop = self._loop or loop
        return self._loop is loop


def _look_at_error(task: asyncio.Task[object]) -> None:
    if not task.cancelled():
        task.exception()


def _signature(entry_path: str) -> Signature | None:
    """None: too large to look at."""
    if entry_path.startswith("/"):
        folder = Path(entry_path)
    elif entry_path.startswith(_BUILTIN):
        place = Path(str(agents.__file__)).parent.joinpath(*entry_path.split(".")[1:])
        folder = place if place.is_dir() else place.parent
    else:
        return ()  # an installed package does not change below a running worker
    found: list[tuple[str, int, int, int]] = []
    folders = [os.fspath(folder)]
    try:
        while folders:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    state = entry.stat(follow_symlinks=False)
                    if entry.is_dir(follow_symlinks=False):
                        if entry.name != "__pycache__":
                            folders.append(entry.path)
                        continue
                    found.append((entry.path, state.st_ino, state.st_size, state.st_mtime_ns))
                    if len(found) > _MAX_FILES:
                        return None
    except OSError:
        return None
    return tuple(sorted(found))


def _free_bytes() -> int:
    try:
        with Path("/proc/meminfo").open() as lines:
            for line in lines:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) << 10
    except (OSError, ValueError):
        pass
    return 0
