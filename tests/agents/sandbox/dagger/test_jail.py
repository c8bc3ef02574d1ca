"""A container in the engine's own view: one that has ended is waited for, one that is cut short is ended."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any

import pytest

from agents.sandbox.dagger.jail import ContainerJail
from agents.sandbox.leaks.masking import Masker
from agents.sandbox.log_lines import LogStream
from agents.sandbox.port import Limits

ORDER: Any = {"request": {}}


class Execution:
    """What the engine does for one container: its launcher on two sockets, and then a note of how it ended."""

    def __init__(self, folder: Path, *, reports: bool) -> None:
        self.folder, self.reports = folder, reports
        self.noted = asyncio.Event()
        self.note = asyncio.Event()

    async def sync(self) -> None:
        reader, writer = await asyncio.open_unix_connection(self.folder / "control")
        _, log = await asyncio.open_unix_connection(self.folder / "log")
        writer.write(b'{"hello": 1}\n')
        await reader.readexactly(int(await reader.readuntil(b"\n")))
        writer.write(b'{"held": {"cpu": "rlimit"}}\n')
        if self.reports:
            head = {"status": 0, "result": 2, "artifacts": [], "max_memory_kb": 1, "cpu_seconds": 0.1}
            writer.write(json.dumps(head).encode() + b"\n{}")
            log.close()
        with contextlib.suppress(ConnectionError):
            await reader.read()
        log.close()
        writer.close()
        await self.note.wait()
        self.noted.set()


async def attended(execution: Execution, limits: Limits) -> ContainerJail:
    jail = ContainerJail(limits, execution.folder)
    async with jail:
        await jail.start(execution, ORDER)  # pyright: ignore[reportArgumentType]
        await jail.attend(LogStream(limits, Masker({}), lambda line: None))
    return jail


async def test_the_engine_may_note_the_end_of_a_good_run_after_its_result_is_there(tmp_path: Path) -> None:
    execution = Execution(tmp_path, reports=True)
    async with asyncio.timeout(20):
        jail = await attended(execution, Limits())
    assert not execution.noted.is_set()
    remainder = jail.remainder()
    assert remainder is not None
    execution.note.set()
    async with asyncio.timeout(20):
        await remainder
    assert execution.noted.is_set()
    assert jail.remainder() is None


async def test_a_run_that_is_stopped_has_ended_before_its_result_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents.sandbox.dagger.jail._END_SECONDS", 0.2)
    execution = Execution(tmp_path, reports=False)
    async with asyncio.timeout(20):
        jail = await attended(execution, Limits(timeout_seconds=0.2))
    assert jail.remainder() is None
    assert not execution.noted.is_set()
