"""A function that gives the page -> an HTTP server for `/metrics` and nothing else, in any process."""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from observability.metrics.exposition import CONTENT_TYPE

log = logging.getLogger(__name__)

Page = Callable[[], Awaitable[str]]
_REQUEST_SECONDS = 5.0
_MAX_LINES = 100


def split_address(address: str) -> tuple[str, int]:
    """`host:port` as its two parts. Raises ValueError with the reason."""
    host, separator, port = address.rpartition(":")
    if not separator or not host or not port.isdigit() or not 0 <= int(port) < 65_536:
        raise ValueError(f"{address!r} is not an address: write host:port, such as 127.0.0.1:9464")
    return host.strip("[]"), int(port)


def is_admitted(authorization: str | None, token: str | None) -> bool:
    """Whether a request with this header may read the page. Without a token everybody who reaches it may."""
    if token is None:
        return True
    given = (authorization or "").removeprefix("Bearer ").strip()
    return hmac.compare_digest(given.encode(), token.encode())


@asynccontextmanager
async def serve_metrics(address: str, page: Page, *, token: str | None = None) -> AsyncGenerator[int]:
    """Serve until the block is left; gives the port. Raises ValueError, OSError where it cannot listen."""
    host, port = split_address(address)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_REQUEST_SECONDS):
                status, body = await _answered(reader, page, token)
                head = f"HTTP/1.1 {status}\r\nContent-Type: {CONTENT_TYPE}\r\nContent-Length: {len(body)}\r\n"
                writer.write(f"{head}Connection: close\r\n\r\n".encode() + body)
                await writer.drain()
        except (TimeoutError, OSError, ValueError, asyncio.IncompleteReadError):
            pass  # whoever asks so asks again
        finally:
            writer.close()

    server = await asyncio.start_server(answer, host, port, limit=16_384)
    async with server:
        chosen: int = server.sockets[0].getsockname()[1]
        log.info("Metrics at http://%s:%d/metrics", host, chosen)
        yield chosen


async def _answered(reader: asyncio.StreamReader, page: Page, token: str | None) -> tuple[str, bytes]:
    method, _, rest = (await reader.readline()).decode("latin-1").partition(" ")
    authorization: str | None = None
    for _ in range(_MAX_LINES):
        line = (await reader.readline()).decode("latin-1").strip()
        if not line:
            break
        name, _, value = line.partition(":")
        if name.lower() == "authorization":
            authorization = value.strip()
    if method != "GET" or rest.split(" ")[0].split("?")[0] != "/metrics":
        return "404 Not Found", b"only GET /metrics is served here\n"
    if not is_admitted(authorization, token):
        return "401 Unauthorized", b"send the token as `Authorization: Bearer ...`\n"
    try:
        return "200 OK", (await page()).encode()
    except Exception:
        log.exception("The metrics could not be read")
        return "503 Service Unavailable", b"the metrics could not be read; see the log\n"
