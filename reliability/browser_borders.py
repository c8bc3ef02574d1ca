"""Requests of web pages -> only those of our own pages reach the application.

A page of somebody else in an operator's browser can send requests to a server on the operator's machine: by another
origin, or, with a name of its own that it lets point here (DNS rebinding), even by the same one. Programs send neither
`Origin` nor `Sec-Fetch-Site` and are not affected; what they may do is decided by their credentials.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from reliability.json_answers import answer_json

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]", "::1")
_FOREIGN_PAGE = (
    "this request comes from a web page of another origin; open this server's own pages, or add the origin's "
    "host to COMMANDCENTER_ALLOWED_HOSTS"
)
_UNKNOWN_HOST = (
    "this server is not known by the name in the header Host; use one of its own, or add it to "
    "COMMANDCENTER_ALLOWED_HOSTS"
)


def allowed_hosts(host: str, more: str = "") -> list[str]:
    """Names under which a server that listens on `host` may be addressed. `more`: others, separated by commas."""
    names = [*LOOPBACK_NAMES, *(name.strip() for name in more.split(",") if name.strip())]
    if host in ("", "0.0.0.0", "::"):
        names += [socket.gethostname(), *_own_addresses()]
    else:
        names.append(host)
    return list(dict.fromkeys(names))


def is_own_origin(origin: str, *, host: str, scheme: str) -> bool:
    """Whether the header Origin names the server that was called as `host`, by `scheme` (http, https, ws or wss).

    Ports of one machine are different origins: the port has to be the one that was called. Behind a proxy that ends
    TLS, pages come by https although the server was called by http; a page by http is never one of a server by https.
    """
    parts = urlsplit(origin)
    schemes = ("https",) if scheme in ("https", "wss") else ("http", "https")
    return parts.scheme in schemes and parts.netloc.lower() == host.lower()


class OwnPagesOnly:
    """ASGI middleware: checks Host on every request, and where a browser says it comes from."""

    def __init__(self, app: ASGIApp, *, hosts: Sequence[str]) -> None:
        # Not Starlette's TrustedHostMiddleware: it cuts IPv6 addresses at their first colon.
        self._hosts = frozenset(name.strip("[]").lower() for name in hosts)
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 400 (unknown host) or 403 (page of another origin)."""
        if scope["type"] in ("http", "websocket"):
            headers = Headers(scope=scope)
            if self._is_foreign(headers, scope["scheme"]):
                await _refuse(scope, receive, send, status=403, reason=_FOREIGN_PAGE)
                return
            if _host_of(headers.get("host", "")) not in self._hosts:
                await _refuse(scope, receive, send, status=400, reason=_UNKNOWN_HOST)
                return
        await self._app(scope, receive, send)

    def _is_foreign(self, headers: Headers, scheme: str) -> bool:
        origin = headers.get("origin")
        if origin is not None:
            return not is_own_origin(origin, host=headers.get("host", ""), scheme=scheme)
        # Without an Origin: a navigation, an image, a form sent by GET. Opening our pages from a link is all right.
        return headers.get("sec-fetch-site") == "cross-site" and headers.get("sec-fetch-mode") != "navigate"


class SecurityHeaders:
    """ASGI middleware: no other site may frame the pages or guess types; nothing tells others their address."""

    HEADERS = (
        (b"x-content-type-options", b"nosniff"),
        (b"x-frame-options", b"DENY"),
        (b"referrer-policy", b"no-referrer"),
        (b"cross-origin-opener-policy", b"same-origin"),
        (b"cross-origin-resource-policy", b"same-origin"),
    )

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add the headers that the application has not set itself."""

        async def add(message: Message) -> None:
            if message["type"] == "http.response.start":
                there = {name.lower() for name, _ in message.get("headers", ())}
                added = [pair for pair in self.HEADERS if pair[0] not in there]
                message = {**message, "headers": [*message.get("headers", ()), *added]}
            await send(message)

        await self._app(scope, receive, add if scope["type"] == "http" else send)


async def _refuse(scope: Scope, receive: Receive, send: Send, *, status: int, reason: str) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 4000 + status, "reason": reason[:120]})
        return
    # RFC 9457, as all other refusals; clients of Prefect read `detail`.
    said = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": reason}
    await answer_json(send, status, said, kind=b"application/problem+json")


def _host_of(value: str) -> str:
    try:
        return urlsplit(f"//{value}").hostname or ""
    except ValueError:
        return ""


def _own_addresses() -> Iterable[str]:
    """Addresses of this machine, for a server that listens on all of them. A page cannot choose these as its name."""
    found: set[str] = set()
    try:
        for entry in socket.getaddrinfo(socket.gethostname(), None):
            address = str(entry[4][0]).partition("%")[0]
            found.add(f"[{address}]" if ipaddress.ip_address(address).version == 6 else address)
    except (OSError, ValueError):
        pass
    return sorted(found)
