"""A function that gives the page -> an HTTP server for `/metrics` and nothing else, in any process."""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from observability.metrics.exposition import CONTENT_TYPE, content_type

log = logging.getLogger(__name__)

Page = Callable[[str], Awaitable[str]]
"""Content type -> the page."""
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
                status, kind, body = await _answered(reader, page, token)
                head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
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


async def _answered(reader: asyncio.StreamReader, page: Page, token: str | None) -> tuple[str, str, bytes]:
    """Status, content type, body."""
    method, _, rest = (await reader.readline()).decode("latin-1").partition(" ")
    headers: dict[str, str] = {}
    for _ in range(_MAX_LINES):
        line = (await reader.readline()).decode("latin-1").strip()
        if not line:
            break
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    if method != "GET" or rest.split(" ")[0].split("?")[0] != "/metrics":
        return "404 Not Found", CONTENT_TYPE, b"only GET /metrics is served here\n"
    if not is_admitted(headers.get("authorization"), token):
        return "401 Unauthorized", CONTENT_TYPE, b"send the token as `Authorization: Bearer ...`\n"
    kind = content_type(headers.get("accept"))
    try:
        return "200 OK", kind, (await page(kind)).encode()
    except Exception:
        log.exception("The metrics could not be read")
        return "503 Service Unavailable", CONTENT_TYPE, b"the metrics could not be read; see the log\n"
