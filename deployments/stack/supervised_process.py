"""A command and the question whether it answers → one part of the stack, started again when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable
from pathlib import Path

from deployments.errors import ProcessFailed
from deployments.stack.probe import Probe
from deployments.stack.process import ChildProcess, Command
from deployments.stack.state_folder import StateFolder
from observability.log_errors import AGAIN_AND_AGAIN, LogErrors, RepeatedError

BACKOFF = (0.2, 1.0, 3.0, 10.0, 30.0)
"""Seconds before each new start of a part that keeps dying; after the last one it is given up."""
STEADY_SECONDS = 60.0
"""A part that lived this long starts over with the shortest pause."""


LOOK_SECONDS = 5.0
"""How often its log is looked at for errors."""


class SupervisedProcess:
    """One child process of the stack, kept alive."""

    def __init__(
        self,
        command: Command,
        *,
        probe: Probe,
        timeout: float,
        report: Callable[[str, str], None],
    ) -> None:
        self.name = command.name
        self.restarts = 0
        self.repeated_error: RepeatedError | None = None
        """An error that it logs again and again; None: it does not."""
        self._command = command
        self._probe = probe
        self._timeout = timeout
        self._report = report
        self._child = ChildProcess(command)
        self._errors = LogErrors(command.log)
        self._supervisor: asyncio.Task[None] | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._gave_up: asyncio.Future[None] | None = None

    @property
    def errors_file(self) -> Path:
        """Exists, with the last error in it, while the process logs errors again and again."""
        return self._command.log.with_suffix(".errors.json")

    @property
    def pid(self) -> int | None:
        """Process id of the child that runs now."""
        return self._child.pid

    async def start(self) -> None:
        """Start it, wait until it answers, and keep it alive from then on; raises `ProcessFailed`."""
        self._gave_up = asyncio.get_running_loop().create_future()
        self._errors.offset = await asyncio.to_thread(_size, self._command.log)
        await self._bring_up()
        self._supervisor = asyncio.create_task(self._supervise(), name=f"supervise {self.name}")
        self._watcher = asyncio.create_task(self._watch_log(), name=f"watch the log of {self.name}")

    async def stop(self) -> None:
        """Stop it for good."""
        for task in (self._supervisor, self._watcher):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        await self._child.stop()
        if self._gave_up is not None:
            self._gave_up.cancel()

    async def given_up(self) -> None:
        """Wait until it is beyond help: raises `ProcessFailed` then."""
        if self._gave_up is None:
            raise RuntimeError(f"{self.name} was not started")
        await asyncio.shield(self._gave_up)

    async def _bring_up(self) -> None:
        self._probe.reset()
        self._child = ChildProcess(self._command)
        await self._child.start()
        self._report(self.name, "started")
        deadline = time.monotonic() + self._timeout
        while not await self._probe.answers():
            if self._child.exit_code is not None:
                raise self._failure(f"ended with {_ending(self._child.exit_code)} before it answered")
            if time.monotonic() > deadline:
                await self._child.stop()
                raise self._failure(f"did not answer within {self._timeout:g} s")
            await asyncio.sleep(0.05)
        self._report(self.name, "ready")

    async def _supervise(self) -> None:
        failures = 0
        while True:
            born = time.monotonic()
            code = await self._child.wait()
            # Its own children must not live on beside those of its successor.
            await self._child.stop()
            self._report(self.name, "died")
            failure = self._failure(f"ended with {_ending(code)}")
            failures = 0 if time.monotonic() - born > STEADY_SECONDS else failures
            while True:
                if failures >= len(BACKOFF):
                    self._give_up(failure)
                    return
                await asyncio.sleep(BACKOFF[failures])
                failures += 1
                self.restarts += 1
                try:
                    await self._bring_up()
                    break
                except ProcessFailed as exc:
                    failure = exc

    async def _watch_log(self) -> None:
        """Report an error that the process logs again and again: it may answer its probe and do none of its work."""
        reported = 0
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            repeated = await asyncio.to_thread(self._errors.look, time.monotonic())
            if repeated != self.repeated_error:
                await asyncio.to_thread(self._tell, repeated)
            self.repeated_error = repeated
            if repeated is None:
                reported = 0
            elif repeated.count >= max(AGAIN_AND_AGAIN, 4 * reported):
                # Each time there are four times as many, so that a noisy part does not fill the terminal.
                reported = repeated.count
                self._report(
                    self.name, f"logs errors: {repeated.message} ({repeated.count} so far, {self._command.log})"
                )

    def _tell(self, repeated: RepeatedError | None) -> None:
        """Leave a file for `commandcenter doctor`, or remove it."""
        if repeated is None:
            self.errors_file.unlink(missing_ok=True)
        else:
            told = {"count": repeated.count, "message": repeated.message, "log": str(self._command.log)}
            StateFolder.write(self.errors_file, json.dumps(told))

    def _give_up(self, failure: ProcessFailed) -> None:
        self._report(self.name, "gave up")
        if self._gave_up is not None and not self._gave_up.done():
            self._gave_up.set_exception(failure)

    def _failure(self, reason: str) -> ProcessFailed:
        return ProcessFailed(self.name, reason, log=self._command.log, tail=self._child.tail())


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _ending(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit status {code}"
