"""The app -> a server that ends when it is told to."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Generator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI


async def serve(app: FastAPI, *, host: str, port: int) -> bool:
    """Serves until SIGINT or SIGTERM; gives whether it could begin."""
    server = _Server(uvicorn.Config(app, host=host, port=port, log_level="warning"))
    await server.serve()
    return server.started


class _Server(uvicorn.Server):
    """uvicorn, ending with status 0 when it is told to end; its own way is to die of the signal."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        loop = asyncio.get_running_loop()
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(name, self._end)
        yield

    def _end(self) -> None:
        self.should_exit = True
