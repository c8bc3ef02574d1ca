"""`commandcenter up` or `demo`, started as a user does -> the link to the console that it prints, and its parts."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from deployments.stack.addresses import Addresses, running

COMMAND = str(Path(sys.executable).with_name("commandcenter"))
SECONDS = 240
"""For anything that a busy machine does."""


@dataclass
class Started:
    """The command, which prints on."""

    process: asyncio.subprocess.Process
    state: Path
    said: list[str] = field(default_factory=list)
    link: str = ""
    """Signs the person in."""

    @property
    def text(self) -> str:
        return "".join(self.said)

    @property
    def addresses(self) -> Addresses:
        found = running(self.state)
        assert found, self.text
        return found

    async def listen(self) -> None:
        """Until it says no more: whoever does not listen stops it at some time."""
        assert self.process.stdout
        async for line in self.process.stdout:
            self.said.append(line.decode(errors="replace"))
            if found := re.search(r"http://127\.0\.0\.1:\d+/console#token=\S+", self.said[-1]):
                self.link = found[0]

    async def ended(self) -> int:
        """Its exit status, once it has ended by itself."""
        return await asyncio.wait_for(self.process.wait(), SECONDS)


@asynccontextmanager
async def started(*arguments: str, state: Path, folder: Path, until: str) -> AsyncGenerator[Started]:
    """The command once it has printed `until`; ended at the end."""
    process = await asyncio.create_subprocess_exec(
        *(COMMAND, *arguments, "--state", str(state)),
        cwd=folder,
        env={**os.environ, "COLUMNS": "200"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    command = Started(process=process, state=state)
    listening = asyncio.create_task(command.listen())
    try:
        async with asyncio.timeout(SECONDS):
            while not (command.link and until in command.text):
                assert not listening.done(), command.text
                await asyncio.sleep(0.1)
        yield command
    finally:
        if process.returncode is None:
            process.terminate()
            await asyncio.wait_for(process.wait(), 60)
        await asyncio.wait_for(listening, 60)
