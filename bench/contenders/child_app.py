"""A library's application as a contender: a child process that takes orders on its input and answers in JSON."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Protocol, Self

from contenders.child import child, environment
from contenders.step import StepKind


class App(Protocol):
    """What the child makes of the library."""

    async def run(self, shape: str, times: int) -> float:
        """As `Contender.run`."""
        ...

    async def resume(self) -> float | None:
        """As `Contender.resume`; None: the library has no such thing."""
        ...


class ChildApp:
    """The contender, outside of the child."""

    def __init__(
        self, name: str, module: str, folder: Path, *, step: StepKind, env: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self._module, self._folder, self._step = module, folder, step
        self._env = dict(env or {})
        self._exit = AsyncExitStack()
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        env = environment({**self._env, "BENCH_FOLDER": str(self._folder)}, step=self._step)
        log = self._folder / "app.log"
        self._process = await self._exit.enter_async_context(child(["-m", self._module], env=env, log=log))
        assert await self._answer() == {"ready": True}
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._exit.aclose()

    def pids(self) -> Sequence[int]:
        """The child."""
        assert self._process is not None
        return [self._process.pid]

    async def run(self, shape: str, times: int = 1) -> float:
        """The child measures: the trigger is a call in its own process."""
        return float((await self._order({"do": "run", "shape": shape, "times": times}))["seconds"])

    async def resume(self) -> float | None:
        """The same."""
        return (await self._order({"do": "resume"}))["seconds"]

    async def _order(self, order: dict[str, Any]) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        await self._process.stdin.drain()
        return await self._answer()

    async def _answer(self) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), 300)
        if not line:
            raise RuntimeError(f"{self.name} ended: {(self._folder / 'app.log').read_text()[-2000:]}")
        return json.loads(line)


async def serve(app: App) -> None:
    """The child's side: orders until the end of the input."""
    answers = sys.stdout
    sys.stdout = sys.stderr  # whatever else is printed is no answer

    def say(answer: dict[str, Any]) -> None:
        print(json.dumps(answer), file=answers, flush=True)

    say({"ready": True})
    while line := await asyncio.to_thread(sys.stdin.readline):
        order = json.loads(line)
        if order["do"] == "resume":
            say({"seconds": await app.resume()})
        else:
            say({"seconds": await app.run(order["shape"], order["times"])})


async def timed(work: Callable[[], Awaitable[object]], times: int) -> float:
    """Seconds until so many, all begun at once, are done."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    await asyncio.gather(*(work() for _ in range(times)))
    return loop.time() - began
