"""Jails started ahead of requests, while cores are idle; each is used once, and ended when it gets old.

A warm jail holds an agent that is imported and waits for its request. What the import does happens inside every
limit of the jail and has nothing to act on: only requests without mounts and without network are served, and a jail
that will be given secrets imports the SDK alone, since an agent may look for its secrets while it is imported.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import agents
from agents.sandbox.port import AgentRequest, Limits

MAX_AGE_SECONDS = 120.0
"""A jail that nobody needed for so long is dropped."""
_QUIET_SECONDS = 0.2
"""Nothing is started ahead until no request has come for so long, or for five times that since the first."""
_MOST_QUIETS = 5
_MIN_FREE_BYTES = 512 << 20
"""Below this nothing is started ahead."""
_MAX_FILES = 2_000
"""An agent with more files is started when it is needed: looking at all of them would take longer."""
_BUILTIN = "agents."

Signature = tuple[tuple[str, int, int, int], ...]
"""Relative path, inode, size and time of change of each file of an agent."""


@dataclass(frozen=True, kw_only=True)
class JailShape:
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


def shape_of(request: AgentRequest) -> JailShape | None:
    """None: this request needs a jail of its own."""
    if request.mounts or request.network:
        return None
    code = _signature(request.entry_path)
    if code is None:
        return None
    return JailShape(
        entry_path=request.entry_path,
        code=code,
        limits=request.limits,
        settings=tuple(sorted(request.settings.items())),
        environment=request.environment,
        preload=not request.secrets,
    )


@dataclass(frozen=True, kw_only=True)
class _Use:
    shape: JailShape
    request: AgentRequest
    """Without what was of that run alone."""
    at: float


class WarmJails(Generic[S]):
    """At most `most` jails that wait: those that the last `most` requests would have used, were they made again."""

    def __init__(
        self,
        start: Callable[[AgentRequest], Awaitable[S]],
        *,
        most: int,
        max_age: float = MAX_AGE_SECONDS,
        quiet: float = _QUIET_SECONDS,
    ) -> None:
        self._start, self.most, self._max_age, self._quiet = start, most, max_age, quiet
        self._uses: deque[_Use] = deque(maxlen=max(most, 0))
        self._waiting: list[tuple[JailShape, asyncio.Task[S]]] = []
        """Oldest first."""
        self._starting: asyncio.Task[S] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due: float | None = None
        self._leaving: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._running = 0
        self.used = 0
        """How many requests were served by a jail that stood already."""

    @property
    def standing(self) -> int:
        """How many wait for a request."""
        return sum(task.done() for _, task in self._waiting)

    @contextlib.contextmanager
    def running(self) -> Generator[None]:
        """Around each execution: while as many run as there are cores, nothing is started ahead."""
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1

    async def take(self, shape: JailShape) -> S | None:
        """A jail of that shape, perhaps one that is still starting; it is the caller's from now on."""
        found = [each for each in self._waiting if each[0] == shape] if self._is_ours() else []
        if not found:
            return None
        chosen = next((each for each in found if each[1].done()), found[0])
        self._waiting.remove(chosen)
        task = chosen[1]
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

    def prepare(self, shape: JailShape, request: AgentRequest) -> None:
        """Have one more jail of that shape soon, when cores and memory are free for it."""
        if self.most < 1 or not self._is_ours():
            return
        now = asyncio.get_running_loop().time()
        self._uses.append(_Use(shape=shape, request=_of_any_run(request), at=now))
        # What runs now, and the node after it, come first; but under steady work a core may still be free.
        self._due = self._due or now + _MOST_QUIETS * self._quiet
        self._look_again(min(self._quiet, self._due - now))

    async def close(self) -> None:
        """End all of them. From another event loop than theirs: their processes."""
        if not self._is_ours():
            for _, task in self._waiting:
                if task.done() and not task.cancelled() and task.exception() is None:
                    task.result().kill()
            return
        self._uses.clear()
        if self._timer is not None:
            self._timer.cancel()
        while self._waiting:
            self._drop(self._waiting.pop()[1])
        await asyncio.gather(*self._leaving, return_exceptions=True)

    def _look_again(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(max(seconds, 0), self._fill)

    def _fill(self) -> None:
        """Start the jail that is missed most, one at a time, until all stand that are wanted."""
        loop = asyncio.get_running_loop()
        self._due = None
        if self._starting is not None:
            return  # its end comes here again
        while self._uses and loop.time() - self._uses[0].at > self._max_age:
            self._uses.popleft()
        wanted = Counter(use.shape for use in self._uses)
        for shape, task in list(self._waiting):
            if sum(other == shape for other, _ in self._waiting) > wanted[shape]:
                self._waiting.remove((shape, task))
                self._drop(task)
        there = Counter(shape for shape, _ in self._waiting)
        missed = next((use for use in reversed(self._uses) if there[use.shape] < wanted[use.shape]), None)
        if missed is None:
            return
        if self._running >= (os.cpu_count() or 1) or _free_bytes() < _MIN_FREE_BYTES:
            self._look_again(self._quiet)
            return
        task = asyncio.ensure_future(self._start(missed.request))
        self._starting = task
        self._waiting.append((missed.shape, task))
        task.add_done_callback(self._started)
        loop.call_later(self._max_age, self._expire, missed.shape, task)

    def _started(self, task: asyncio.Task[S]) -> None:
        self._starting = None
        if task.cancelled() or task.exception() is not None:
            # Whoever needs it finds out why; trying again and again would not help.
            self._uses.clear()
            self._waiting = [each for each in self._waiting if each[1] is not task]
            return
        self._fill()

    def _expire(self, shape: JailShape, task: asyncio.Task[S]) -> None:
        if (shape, task) in self._waiting:
            self._waiting.remove((shape, task))
            self._drop(task)

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


def _of_any_run(request: AgentRequest) -> AgentRequest:
    """Names of secrets stay, since they decide what is imported ahead; their values and the inputs do not."""
    return replace(
        request,
        run_id="",
        node_id="",
        inputs={},
        idempotency_key="",
        execution_id="",
        traceparent="",
        secrets=dict.fromkeys(request.secrets, ""),
    )


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
