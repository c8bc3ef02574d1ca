"""`host:port` as text -> the host and port of a connection. The one reader of allow-list entries.

Written by hand for safety: the proxy compares exactly what was declared, so nothing may be guessed or normalised by a
library of URLs.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

HOST = r"(?P<host>\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252}))"
"""Pattern of a host name or address; an IPv6 address is in brackets."""
_HOST_PORT = re.compile(rf"{HOST}:(?P<port>[0-9]{{1,5}})")


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where a connection is to go."""

    host: str
    """Lower case, without brackets and trailing dot."""
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_target(entry: str) -> Target:
    """`host:port` of an allow-list. Raises ValueError."""
    match = _HOST_PORT.fullmatch(entry)
    if match is None:
        raise ValueError(f"network entry {entry!r} is not host:port")
    return make_target(match["host"], match["port"])


def make_target(host: str, port: str) -> Target:
    """Host and port as text that `HOST` and five digits accept. Raises ValueError."""
    number = int(port)
    if not 0 < number < 65536:
        raise ValueError(f"{port} is not a port: use 1 to 65535")
    if host.startswith("["):
        return Target(host=str(ipaddress.IPv6Address(host[1:-1])), port=number)
    return Target(host=host.lower().removesuffix("."), port=number)
