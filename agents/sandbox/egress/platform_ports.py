"""The platform's own servers, as the environment names them -> addresses that no agent ever reaches.

Whatever a manifest, a workflow or a setting lists: an agent that spoke to the database, to NATS or to Prefect would act
as the platform. They are compared after the name was resolved, so that another name for them does not help.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

VARIABLE = "COMMANDCENTER_PLATFORM_ADDRESSES"
"""Further `host:port`, separated by commas; the embedded platform sets it for its worker."""
_URLS = (
    "PREFECT_API_URL",
    "PREFECT_UI_URL",
    "DATABASE_URL",
    "COMMANDCENTER_DATABASE_URL",
    "COMMANDCENTER_PREFECT_DATABASE_URL",
    "NATS_URL",
    "COMMANDCENTER_API_URL",
)
_PORTS = {"http": 80, "https": 443, "nats": 4222, "tls": 4222, "postgresql": 5432, "postgres": 5432}

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def platform_targets(environment: Mapping[str, str] = os.environ) -> frozenset[tuple[str, int]]:
    """Host and port of each server that the environment names."""
    found: set[tuple[str, int]] = set()
    for name in _URLS:
        found.update(_targets(environment.get(name, "")))
    for entry in environment.get(VARIABLE, "").split(","):
        host, _, port = entry.strip().rpartition(":")
        if host and port.isdigit():
            found.add((host.strip("[]").lower(), int(port)))
    return frozenset(found)


def is_platform(address: Address, port: int, targets: frozenset[tuple[str, int]]) -> bool:
    """Whether a server of the platform listens there. May block on a look-up of its name."""
    same_port = [host for host, known in targets if known == port]
    if not same_port:
        return False
    if any(_is_loopback(host) for host in same_port) and _is_here(address):
        return True
    return any(_plain(address) in _addresses(host) for host in same_port)


def _targets(url: str) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    for each in url.split(",") if url.startswith(("nats", "tls")) else [url]:
        try:
            parts = urlsplit(each.strip())
            port = parts.port or _PORTS.get(parts.scheme.partition("+")[0])
        except ValueError:
            continue
        if parts.hostname and port:
            found.append((parts.hostname, port))
    return found


def _is_loopback(host: str) -> bool:
    # What listens everywhere is reached here as well.
    return any(each.is_loopback or each.is_unspecified for each in _addresses(host))


def _is_here(address: Address) -> bool:
    """Whether it is an address of this machine: one can be bound to it."""
    plain = _plain(address)
    if plain.is_loopback or plain.is_unspecified:
        return True
    family = socket.AF_INET6 if plain.version == 6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((str(plain), 0))
        except OSError:
            return False
    return True


def _addresses(host: str) -> set[Address]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return set()
    return {_plain(ipaddress.ip_address(str(entry[4][0]).partition("%")[0])) for entry in found}


def _plain(address: Address) -> Address:
    """Without the wrapping of an IPv4 address in IPv6."""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
