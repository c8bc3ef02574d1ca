"""An agent's connections -> those its allow-list names, made from outside the jail; all others refused.

One proxy for each run, on a Unix socket that only its jail sees. It speaks HTTP CONNECT and plain HTTP, resolves
names itself, and connects to the very address it checked: private, loopback and link-local ones only when the
allow-list names that address (or `localhost`).
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import re
import socket
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from agents.sandbox.egress.target import HOST, Target, make_target, parse_target

_MAX_HEAD = 16 << 10
_MAX_CONNECTIONS = 64
_MAX_DENIED = 200
_HEAD_SECONDS, _CONNECT_SECONDS = 15.0, 15.0
_CHUNK = 1 << 16
_CONNECT = re.compile(rf"CONNECT {HOST}:(?P<port>[0-9]{{1,5}}) HTTP/1\.[01]")
_ABSOLUTE = re.compile(
    rf"(?P<method>[A-Z]{{1,16}}) http://{HOST}(?::(?P<port>[0-9]{{1,5}}))?(?P<path>/[!-~]*)? HTTP/1\.[01]"
)
_HEADER = re.compile(r"(?P<name>[A-Za-z0-9!#$%&'*+.^_`|~-]{1,256}):[ \t]*(?P<value>[\t -~\x80-\xff]*)")
_HOP_BY_HOP = {"connection", "host", "keep-alive", "te", "trailer", "upgrade"}
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_log = logging.getLogger("commandcenter.egress")


class EgressDenied(Exception):
    """The connection is not allowed, or cannot be made."""

    def __init__(self, target: str, reason: str, *, status: str = "403 Forbidden") -> None:
        super().__init__(f"{target}: {reason}")
        self.target, self.reason, self.status = target, reason, status


class EgressProxy:
    """The way out of one jail. An async context manager; leaving it cuts every connection."""

    def __init__(
        self, path: Path, allowed: tuple[str, ...], on_attempt: Callable[[str, str | None], None]
    ) -> None:
        self._path = path
        self._allowed = frozenset(parse_target(entry) for entry in allowed)
        self._on_attempt = on_attempt
        """Called with `host:port` and why it was denied, or None."""
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._denied: dict[str, None] = {}

    @property
    def denied(self) -> tuple[str, ...]:
        """`host:port` of what was refused, each once, in order."""
        return tuple(self._denied)

    async def __aenter__(self) -> EgressProxy:
        self._server = await asyncio.start_unix_server(self._accept, self._path, limit=_MAX_HEAD)
        self._path.chmod(0o666)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            if len(self._tasks) <= _MAX_CONNECTIONS:
                await self._serve(reader, writer)
        except asyncio.CancelledError:
            # Cancelled on purpose; asyncio would log an error for the handler.
            pass
        except (OSError, EOFError, asyncio.LimitOverrunError, TimeoutError) as exc:
            _log.debug("connection ended: %s", exc)
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_HEAD_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
            target, forward = _parse(head)
            upstream = await self._connect(target)
        except EgressDenied as exc:
            self._tell(exc)
            body = f"egress refused: {exc.reason}\n"
            writer.write(
                f"HTTP/1.1 {exc.status}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n"
                f"Connection: close\r\n\r\n{body}".encode()
            )
            await writer.drain()
            return
        self._on_attempt(str(target), None)
        if forward is None:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            upstream[1].write(forward)
        try:
            await _join((reader, writer), upstream)
        finally:
            upstream[1].close()

    async def _connect(self, target: Target) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if target not in self._allowed:
            raise EgressDenied(str(target), "it is not in the node's network list")
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                address = await self._resolve(target)
                return await asyncio.open_connection(str(address), target.port)
        except TimeoutError as exc:
            raise EgressDenied(str(target), "it does not answer", status="504 Gateway Timeout") from exc
        except OSError as exc:
            raise EgressDenied(
                str(target), f"it cannot be reached ({exc.strerror})", status="502 Bad Gateway"
            ) from exc

    async def _resolve(self, target: Target) -> Address:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
        addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
        for address in addresses:
            if is_public(address) or self._named(address, target):
                return address
        raise EgressDenied(
            str(target), f"its address {addresses[0]} is not public, and the network list does not name it"
        )

    def _named(self, address: Address, target: Target) -> bool:
        if target.host == "localhost" and address.is_loopback:
            return True
        return any(entry.port == target.port and _as_address(entry.host) == address for entry in self._allowed)

    def _tell(self, denied: EgressDenied) -> None:
        if len(self._denied) < _MAX_DENIED and denied.target not in self._denied:
            self._denied[denied.target] = None
        self._on_attempt(denied.target, denied.reason)


def is_public(address: Address) -> bool:
    """Whether it is an address of the open internet, also where one address is wrapped in another."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address.teredo is not None:
            return False
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
        if address.is_site_local:
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _parse(head: bytes) -> tuple[Target, bytes | None]:
    """The request's head -> where it goes, and what to send there first (None: a tunnel). Raises Denied."""
    lines = head.decode("latin-1").split("\r\n")[:-2]
    if any(character in line for line in lines for character in "\r\n\0"):
        raise EgressDenied("(malformed)", "the request is malformed", status="400 Bad Request")
    connect = _CONNECT.fullmatch(lines[0])
    if connect is not None:
        return _checked(connect["host"], connect["port"]), None
    absolute = _ABSOLUTE.fullmatch(lines[0])
    if absolute is None:
        raise EgressDenied("(malformed)", "the request is malformed", status="400 Bad Request")
    target = _checked(absolute["host"], absolute["port"] or "80")
    headers = [f"Host: {target}" if absolute["port"] else f"Host: {absolute['host']}", "Connection: close"]
    for line in lines[1:]:
        match = _HEADER.fullmatch(line)
        if match is None:
            raise EgressDenied(str(target), "a header is malformed", status="400 Bad Request")
        name = match["name"].lower()
        if name not in _HOP_BY_HOP and not name.startswith("proxy-"):
            headers.append(line)
    request = f"{absolute['method']} {absolute['path'] or '/'} HTTP/1.1"
    return target, "\r\n".join([request, *headers, "", ""]).encode("latin-1")


def _checked(host: str, port: str) -> Target:
    try:
        return make_target(host, port)
    except ValueError as exc:
        raise EgressDenied("(malformed)", str(exc), status="400 Bad Request") from exc


def _as_address(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


_Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _join(agent: _Stream, upstream: _Stream) -> None:
    """Carry bytes both ways until the upstream has ended, or one side has broken.

    Its end ends the connection: where a socket is forwarded by others, an agent does not hear of the half of it.
    """
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(_carry(agent[0], upstream[1]))
        await _carry(upstream[0], agent[1])
        asking.cancel()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while chunk := await reader.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()
    if writer.can_write_eof():
        with contextlib.suppress(OSError):
            writer.write_eof()
