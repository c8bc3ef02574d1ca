"""Host and port -> a socket to it: through the jail's HTTP proxy where there is one, else directly."""

from __future__ import annotations

import os
import socket
from urllib.parse import urlsplit

from agents.builtin.notifier.attempts import NotTakenError
from agents.builtin.notifier.connections import connect
from agents.sdk.errors import AgentError, BadRequestError, TransientError

_MAX_ANSWER_BYTES = 16_384
_NEVER_CONNECTED = (ConnectionRefusedError, socket.gaierror)
"""Errors after which nothing can have been delivered."""


def open_connection(host: str, port: int, timeout: float) -> socket.socket:
    """A connected socket. Raises OSError; BadRequestError where the proxy does not let this place through."""
    proxy = urlsplit(os.environ.get("HTTPS_PROXY") or os.environ.get("HTTP_PROXY") or "")
    if not proxy.hostname:
        return connect(host, port, timeout)
    connection = socket.create_connection((proxy.hostname, proxy.port or 3128), timeout)
    try:
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        connection.sendall(f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n".encode("ascii"))
        status = _read_head(connection).split(b"\r\n", 1)[0].decode("ascii", "replace")
    except BaseException:
        connection.close()
        raise
    if status.split(" ")[1:2] != ["200"]:
        connection.close()
        raise closed(place, status)
    return connection


def unreachable(what: str, error: Exception) -> AgentError:
    """Why an HTTP client got no answer: the proxy refused for good, or something that may pass."""
    reason = str(getattr(error, "reason", error))
    if "Tunnel connection failed: 403" in reason:
        return closed(what, reason)
    kind = NotTakenError if isinstance(getattr(error, "reason", error), _NEVER_CONNECTED) else TransientError
    return kind(f"{what} cannot be reached: {reason}")


def closed(what: str, reason: str) -> BadRequestError:
    """The proxy's refusal as an error."""
    return BadRequestError(
        f"the way out of the jail to {what} is closed ({reason}); allow it in the node's `network`"
    )


def _read_head(connection: socket.socket) -> bytes:
    """The proxy's answer up to its empty line, byte by byte: what follows belongs to the tunnelled protocol."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        if not byte or len(head) >= _MAX_ANSWER_BYTES:
            raise OSError("the proxy's answer is cut off")
        head += byte
    return head
