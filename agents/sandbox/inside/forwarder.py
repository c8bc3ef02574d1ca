"""Loopback ports in the jail -> the egress proxy's Unix socket outside.

One port speaks HTTP proxy, for clients that are told of one; besides it, each allowed host has a loopback address
of its own (see `/etc/hosts` in the jail) and listens there on its own port, for clients that know of no proxy:
SMTP, for instance. All of it ends at the proxy outside, which decides.
"""

from __future__ import annotations

import socket

_SOCKET = "/jail/egress"
_CHUNK = 1 << 16

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio

    from agents.sandbox.inside.order import Listener


def listen(listeners: list[Listener]) -> list[tuple[socket.socket, str]]:
    """Open the ports; they answer once `serve` runs. Raises OSError."""
    opened: list[tuple[socket.socket, str]] = []
    for address, port, target in listeners:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        server = socket.socket(family, socket.SOCK_STREAM)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((address, port))
        server.listen(64)
        opened.append((server, target))
    return opened


def serve(opened: list[tuple[socket.socket, str]]) -> None:
    """Forward until killed."""
    import asyncio

    asyncio.run(_serve(opened))


async def _serve(opened: list[tuple[socket.socket, str]]) -> None:
    import asyncio
    import functools

    for server, target in opened:
        await asyncio.start_server(functools.partial(_forward, target), sock=server)
    await asyncio.Event().wait()


async def _forward(target: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    import asyncio

    try:
        outer_reader, outer_writer = await asyncio.open_unix_connection(_SOCKET)
    except OSError:
        writer.transport.abort()
        return
    try:
        if target:
            outer_writer.write(f"CONNECT {target} HTTP/1.1\r\n\r\n".encode())
            answer = await outer_reader.readuntil(b"\r\n\r\n")
            if not answer.startswith(b"HTTP/1.1 200 "):
                writer.transport.abort()
                return
        asking = asyncio.ensure_future(_carry(reader, outer_writer))
        try:
            # The end of what comes from outside is the end of all.
            await _carry(outer_reader, writer)
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
    except (OSError, EOFError):
        writer.transport.abort()
    finally:
        writer.close()
        outer_writer.close()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(_CHUNK):
        writer.write(chunk)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
