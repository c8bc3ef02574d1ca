"""A function of ours and hostile values -> its answer from a process of its own, or `NotChecked`: never for ever.

A thread cannot be stopped inside a regular expression or a call into C, and what it allocates is the whole process's.
Here a few processes wait for such work: each answers one question after the other, within processor time (the kernel
ends it there), a wait as the last resort, and memory. One that went over is killed and another takes its place.

Who calls is a thread, not an event loop. Several lanes (projects, say) that wait are served in turn. A frame is eight
bytes of length and a pickle; an answer is read without a single class, so that a process that hostile data took over
can answer wrongly at worst.
"""

from __future__ import annotations

import atexit
import io
import os
import pickle
import select
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from reliability.apart_process import LENGTH_BYTES
from reliability.turns import LANE, LaneOrder

SECONDS = 20.0
"""Processor time for one question unless told otherwise."""
WAITS = 6.0
"""Times the processor time that is waited for: a machine that is busy is no reason to refuse, a process that stands
still is."""
MEMORY_BYTES = 1 << 30
_AT_ONCE = max(2, os.cpu_count() or 1)
_QUESTIONS = 500
"""After so many a process is replaced: what its answers left behind in memory counts for the next ones."""
_PIPE_BYTES = 1 << 16
_ANSWER_BYTES = 64 << 20
_KEPT_ENVIRONMENT = ("PYTHONPATH", "LD_LIBRARY_PATH", "PATH")
"""What finds modules and libraries; nothing else of the environment is for this process."""
R = TypeVar("R")


class NotChecked(Exception):
    """There is no answer: it takes too much time or memory, or is nested too deeply."""


class CheckerBroken(NotChecked):
    """There is no answer for a reason of ours."""


def ask(function: Callable[..., R], *arguments: object, seconds: float = SECONDS) -> R:
    """What the function answers in another process, as plain values. Blocks. Raises NotChecked.

    `function`: of a module, by its name; takes what can be pickled; gives plain values: None, numbers, texts, bytes,
    lists, tuples and dicts. An exception of it is CheckerBroken, so that everything expected is to be an answer.
    """
    used = False
    try:
        with _pool.process() as process:
            used = process.questions > 0
            return cast("R", process.ask(function, arguments, seconds))
    except CheckerEnded:
        if not used:
            raise
    # It may have been ended while it waited, for its memory: once more, with one that did not.
    with _pool.process() as process:
        return cast("R", process.ask(function, arguments, seconds))


def prepare(function: Callable[..., object]) -> None:
    """Have a process wait that has loaded what the function needs. Gives no answer and no error."""

    def start() -> None:
        with suppress(NotChecked), _pool.process() as process:
            process.ask(function, None, SECONDS)

    threading.Thread(target=start, name="checkers", daemon=True).start()


class CheckerEnded(CheckerBroken):
    """The process has ended without an answer, for no limit of ours."""


class _Process:
    """One process and its pipes."""

    def __init__(self, memory_bytes: int) -> None:
        self.questions = 0
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "reliability.apart_process", str(memory_bytes)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ},
                cwd="/",
                start_new_session=True,  # Ctrl-C is for those who ask
                bufsize=0,
            )
        except OSError as exc:
            raise CheckerBroken(f"no process can be started: {exc}") from exc
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._in, False)
        os.set_blocking(self._out, False)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, function: Callable[..., object], arguments: tuple[object, ...] | None, seconds: float) -> object:
        """Raises NotChecked; the process is killed where it gave no answer."""
        self.questions += 1
        try:
            question = pickle.dumps((function.__module__, function.__qualname__, arguments, seconds))
        except RecursionError as exc:
            raise NotChecked("it is nested too deeply to be checked") from exc
        until = time.monotonic() + seconds * WAITS
        try:
            self._write(len(question).to_bytes(LENGTH_BYTES) + question, until)
            length = int.from_bytes(self._read(LENGTH_BYTES, until))
            if length > _ANSWER_BYTES:
                raise CheckerBroken(f"the answer has {length} bytes")
            said, answer = _plain(self._read(length, until))
        except _Gone as exc:
            raise self._why_gone(seconds) from exc
        except BaseException:
            self.end()
            raise
        match said:
            case "answer":
                return answer
            case "memory":
                self.end()  # what it holds may stay with it
                raise NotChecked("it takes too much memory to be checked")
            case "depth":
                raise NotChecked("it is nested too deeply to be checked")
            case _:
                raise CheckerBroken(f"the process that does so failed: {answer}")

    def end(self) -> None:
        """Kill it; it holds nothing that would be lost."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _why_gone(self, seconds: float) -> NotChecked:
        try:
            status = self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            status = 0
        self.end()
        if status in (-signal.SIGXCPU, 0):
            return NotChecked(f"it takes more than {seconds:g} s of processor time to be checked")
        return CheckerEnded(f"the process that does so ended with status {status}")

    def _write(self, content: bytes, until: float) -> None:
        rest = memoryview(content)
        while rest:
            self._ready(self._in, select.POLLOUT, until)
            try:
                rest = rest[os.write(self._in, rest[:_PIPE_BYTES]) :]
            except BlockingIOError:
                continue
            except BrokenPipeError as exc:
                raise _Gone from exc

    def _read(self, length: int, until: float) -> bytes:
        found = bytearray()
        while len(found) < length:
            self._ready(self._out, select.POLLIN, until)
            try:
                piece = os.read(self._out, min(length - len(found), _PIPE_BYTES))
            except BlockingIOError:
                continue
            if not piece:
                raise _Gone
            found += piece
        return bytes(found)

    def _ready(self, descriptor: int, event: int, until: float) -> None:
        poll = select.poll()
        poll.register(descriptor, event)
        if not poll.poll(max(0.0, until - time.monotonic()) * 1000):
            raise NotChecked("it takes too long to be checked")


class _Gone(Exception):
    """The process has ended."""


class _Plain(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str, /) -> Any:
        raise CheckerBroken(f"the answer is no plain value but a {global_name}")


def _plain(content: bytes) -> tuple[str, object]:
    try:
        said, answer = _Plain(io.BytesIO(content)).load()
    except (pickle.UnpicklingError, ValueError, TypeError, EOFError) as exc:
        raise CheckerBroken(f"the answer cannot be read ({type(exc).__name__})") from exc
    return said, answer


@dataclass
class Pool:
    """The processes that wait, and the threads that wait for one."""

    at_once: int = _AT_ONCE
    memory_bytes: int = MEMORY_BYTES
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _idle: list[_Process] = field(default_factory=list[_Process])
    _order: LaneOrder = field(default_factory=LaneOrder)
    _waiting: dict[object, deque[threading.Event]] = field(default_factory=dict[object, deque[threading.Event]])

    @contextmanager
    def process(self) -> Generator[_Process]:
        """One that nobody else asks meanwhile, once it is the lane's turn."""
        lane = LANE.get()
        self._take(lane)
        try:
            process = self._fresh()
            try:
                yield process
            finally:
                if process.alive and process.questions < _QUESTIONS:
                    with self._lock:
                        self._idle.append(process)
                else:
                    process.end()
        finally:
            self._give_back(lane)

    @property
    def waiting(self) -> int:
        """How many threads wait for a process."""
        with self._lock:
            return sum(map(len, self._waiting.values()))

    def close(self) -> None:
        """End those that wait."""
        with self._lock:
            idle, self._idle = self._idle, []
        for each in idle:
            each.end()

    def _fresh(self) -> _Process:
        while True:
            with self._lock:
                process = self._idle.pop() if self._idle else None
            if process is None:
                return _Process(self.memory_bytes)
            if process.alive:
                return process
            process.end()

    def _take(self, lane: object) -> None:
        turn = threading.Event()
        with self._lock:
            self._waiting.setdefault(lane, deque()).append(turn)
            self._hand_out()
        turn.wait()

    def _give_back(self, lane: object) -> None:
        with self._lock:
            self._order.give_back(lane)
            self._hand_out()

    def _hand_out(self) -> None:
        while self._waiting and self._order.held.total() < self.at_once:
            lane = self._order.take(dict.fromkeys(self._waiting, 1))
            turn = self._waiting[lane].popleft()
            if not self._waiting[lane]:
                del self._waiting[lane]
            turn.set()


_pool = Pool()


def _begin_anew() -> None:
    """In a fork: the processes are the parent's, and so is who waits for them."""
    global _pool
    _pool = Pool()


os.register_at_fork(after_in_child=_begin_anew)
atexit.register(lambda: _pool.close())
