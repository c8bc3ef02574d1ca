"""Temporal's development server and the application on it."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from contenders.child import free_port
from contenders.child_app import ChildApp
from contenders.step import StepKind


class Temporal(ChildApp):
    """Needs `temporal` on PATH: there is no server in the package from PyPI."""

    def __init__(self, folder: Path, *, step: StepKind) -> None:
        self._port = free_port()
        self._server: asyncio.subprocess.Process | None = None
        address = {"TEMPORAL_ADDRESS": f"127.0.0.1:{self._port}"}
        super().__init__("Temporal", "contenders.temporal_app", folder, step=step, env=address)

    @staticmethod
    def missing() -> str:
        """Why it cannot take part; empty: it can."""
        return "" if shutil.which("temporal") else "no `temporal` on PATH"

    async def __aenter__(self) -> Self:
        with (self._folder / "server.log").open("wb") as log:
            database = str(self._folder / "temporal.sqlite")
            options = ["--headless", "--port", str(self._port), "--db-filename", database]
            self._server = await asyncio.create_subprocess_exec(
                "temporal", "server", "start-dev", *options, stdout=log, stderr=log
            )
        try:
            await self._until_it_listens()
            return await super().__aenter__()
        except BaseException:
            await self.__aexit__()
            raise

    async def __aexit__(self, *exc_info: object) -> None:
        await super().__aexit__(*exc_info)
        if self._server is not None:
            with suppress(ProcessLookupError):
                self._server.terminate()
            await self._server.wait()

    def pids(self) -> Sequence[int]:
        """Server and application."""
        assert self._server is not None
        return [self._server.pid, *super().pids()]

    async def _until_it_listens(self) -> None:
        async with asyncio.timeout(60):
            while True:
                with suppress(OSError):
                    socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
                    return
                await asyncio.sleep(0.1)
