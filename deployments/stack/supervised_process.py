"""A command and the question whether it answers → one part of the stack, started again when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

from deployments.errors import ProcessFailed
from deployments.stack.probe import Probe
from deployments.stack.process import ChildProcess, Command

BACKOFF = (0.2, 1.0, 3.0, 10.0, 30.0)
"""Seconds before each new start of a part that keeps dying; after the last one it is given up."""
STEADY_SECONDS = 60.0
"""A part that lived this long starts over with the shortest pause."""


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
        self._command = command
        self._probe = probe
        self._timeout = timeout
        self._report = report
        self._child = ChildProcess(command)
        self._supervisor: asyncio.Task[None] | None = None
        self._gave_up: asyncio.Future[None] | None = None

    @property
    def pid(self) -> int | None:
        """Process id of the child that runs now."""
        return self._child.pid

    async def start(self) -> None:
        """Start it, wait until it answers, and keep it alive from then on; raises `ProcessFailed`."""
        self._gave_up = asyncio.get_running_loop().create_future()
        await self._bring_up()
        self._supervisor = asyncio.create_task(self._supervise(), name=f"supervise {self.name}")

    async def stop(self) -> None:
        """Stop it for good."""
        if self._supervisor is not None:
            self._supervisor.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._supervisor
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

    def _give_up(self, failure: ProcessFailed) -> None:
        self._report(self.name, "gave up")
        if self._gave_up is not None and not self._gave_up.done():
            self._gave_up.set_exception(failure)

    def _failure(self, reason: str) -> ProcessFailed:
        return ProcessFailed(self.name, reason, log=self._command.log, tail=self._child.tail())


def _ending(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit status {code}"
