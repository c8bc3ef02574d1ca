"""The app -> a server that ends when it is told to."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.config import LOGGING_CONFIG

from observability.json_logs import JsonLines
from reliability.loaded_code import leave_alone_what_is_loaded
from reliability.plaintext import refuse_plain_listener
from reliability.slow_requests import LIMITS
from reliability.tls import ServerCertificate

_STOP_SECONDS = 2


async def serve(app: FastAPI, *, host: str, port: int) -> bool:
    """Serves until SIGINT or SIGTERM; gives whether it could begin.

    Over TLS where a certificate is set. Raises TlsError, and PlaintextRefused for other machines without one.
    """
    tls = tls_options()
    refuse_plain_listener(host, "api", tls=bool(tls))
    server = _Server(
        uvicorn.Config(app, host=host, port=port, log_level="warning", log_config=_log_config(), **LIMITS, **tls)
    )
    leave_alone_what_is_loaded()
    await server.serve()
    return server.started


@asynccontextmanager
async def serving(app: FastAPI, *, port: int) -> AsyncGenerator[str]:
    """Serve on this machine only while the block runs, on that port or, where it is taken, any; gives the address.

    Signals stay with the program around it.
    """
    listening = _listen(port)
    # A browser's stream of changes never ends by itself.
    tls = tls_options()
    options: dict[str, Any] = {"log_level": "warning", "log_config": _log_config(), **LIMITS, **tls}
    config = uvicorn.Config(app, timeout_graceful_shutdown=_STOP_SECONDS, **options)
    server = _Guest(config)
    task = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


def tls_options() -> dict[str, Any]:
    """What uvicorn takes; empty where no certificate is set. Raises TlsError."""
    found = ServerCertificate.load()
    return {} if found is None else {"ssl_certfile": str(found.cert), "ssl_keyfile": str(found.key)}


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError:
        return socket.create_server(("127.0.0.1", 0))


def _log_config() -> dict[str, Any] | None:
    """uvicorn's own, whose handlers write text; None: what it logs goes where ours does."""
    return None if isinstance(sys.stderr, JsonLines) else LOGGING_CONFIG


class _Guest(uvicorn.Server):
    """uvicorn without signal handlers of its own."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


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
