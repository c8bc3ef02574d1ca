"""A command → one child process that cannot outlive this one, with its output in a log file."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1

MAX_LOG_BYTES = 20_000_000
"""A log of more than this is put aside when the part starts."""
LAST_LINES_SECONDS = 2.0
_MAX_LINE = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Command:
    """What to start."""

    name: str
    """The part's name in messages and log files."""
    arguments: Sequence[str]
    """The program and its arguments."""
    env: Mapping[str, str]
    """The whole environment of the child."""
    log: Path
    """Where its output goes, appended."""
    grace: float = 5.0
    """Seconds between asking it to stop and killing its process group."""
    umask: int | None = None
    """File mode bits that its files never have; None: those of this process."""
    line: Callable[[str], str] | None = None
    """What becomes of each line of its output before it is in the log; None: it writes to the log itself."""


class ChildProcess:
    """A running process in a process group of its own."""

    def __init__(self, command: Command) -> None:
        self.command = command
        self._process: asyncio.subprocess.Process | None = None
        self._log_start = 0
        self._copying: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Its process id, once started."""
        return self._process.pid if self._process else None

    @property
    def exit_code(self) -> int | None:
        """None as long as it runs."""
        return self._process.returncode if self._process else None

    async def start(self) -> None:
        """Start it; nothing is known yet about whether it works."""
        parent = os.getpid()

        def leash() -> None:
            # Runs in the child. The kernel kills it when this process dies, be it by kill -9; the check closes
            # the gap before the request took effect.
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)
            if self.command.umask is not None:
                os.umask(self.command.umask)

        self._rotate_log()
        descriptor = os.open(self.command.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self._log_start = os.fstat(descriptor).st_size
            self._process = await asyncio.create_subprocess_exec(
                *self.command.arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=descriptor if self.command.line is None else asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                env=dict(self.command.env),
                start_new_session=True,
                preexec_fn=leash,
            )
            if self.command.line is not None and self._process.stdout is not None:
                copied = _copy(self._process.stdout, os.dup(descriptor), self.command.line)
                self._copying = asyncio.create_task(copied, name=f"log of {self.command.name}")
        finally:
            os.close(descriptor)

    def _rotate_log(self) -> None:
        """Keep one former log; called at starts only, so a log grows for as long as its child lives."""
        log = self.command.log
        if log.exists() and log.stat().st_size > MAX_LOG_BYTES:
            log.replace(log.with_name(f"{log.name}.1"))

    async def wait(self) -> int:
        """Wait for its end; its exit code."""
        if self._process is None:
            raise RuntimeError(f"{self.command.name} was not started")
        code = await self._process.wait()
        await self._copied()
        return code

    async def _copied(self) -> None:
        """Let its last lines reach the log. A child of its own that lives on holds nothing up."""
        if self._copying is not None:
            await asyncio.wait([self._copying], timeout=LAST_LINES_SECONDS)
            self._copying.cancel()

    async def stop(self) -> None:
        """Ask it to stop, wait for the grace time, then kill whatever is left of its process group."""
        process = self._process
        if process is None:
            return
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.command.grace):
                    await process.wait()
        # The group may outlive its leader: the same call ends both.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        await self._copied()

    def tail(self, lines: int = 12) -> str:
        """The last lines that it wrote since its start."""
        with contextlib.suppress(FileNotFoundError), self.command.log.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(self._log_start, size - 16384))
            return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])
        return ""


async def _copy(output: asyncio.StreamReader, log: int, line: Callable[[str], str]) -> None:
    """Each line of the output to the log, until its end. Closes the log."""
    rest = b""
    try:
        while read := await output.read(1 << 16):
            *lines, rest = (rest + read).split(b"\n")
            if len(rest) > _MAX_LINE:
                lines, rest = [*lines, rest], b""
            for each in lines:
                _append(log, each, line)
        _append(log, rest, line)
    finally:
        os.close(log)


def _append(log: int, content: bytes, line: Callable[[str], str]) -> None:
    text = content.decode(errors="replace").rstrip("\r")
    if text.strip():
        os.write(log, f"{line(text)}\n".encode())
