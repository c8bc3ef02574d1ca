"""A run's allow-list -> how its jail reaches the proxy: names, loopback ports and environment."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from agents.sandbox.egress.target import Target, parse_target
from agents.sandbox.inside.order import Listener

_PROXY_PORT = 3128
_VARIABLES = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy")


@dataclass(frozen=True, kw_only=True)
class Wiring:
    """The network as the jail has it."""

    listeners: tuple[Listener, ...] = ()
    hosts: str = ""
    """Lines for `/etc/hosts`."""
    environment: tuple[tuple[str, str], ...] = ()
    low_ports: bool = False
    """Something listens below 1024."""


def wire(network: tuple[str, ...]) -> Wiring:
    """Each allowed host gets a loopback address; loopback addresses that are named stay what they are."""
    if not network:
        return Wiring()
    targets = list(dict.fromkeys(parse_target(entry) for entry in network))
    addresses: dict[str, str] = {}
    for target in targets:
        address = _loopback(target.host, len(addresses))
        if address is not None:
            addresses.setdefault(target.host, address)
    listeners = [
        (addresses[target.host], target.port, str(target)) for target in targets if target.host in addresses
    ]
    port = _proxy_port(targets)
    listeners.append(("127.0.0.1", port, ""))
    names = [f"{address} {host}" for host, address in addresses.items() if not _is_address(host)]
    return Wiring(
        listeners=tuple(listeners),
        hosts="".join(f"{line}\n" for line in names if not line.endswith(" localhost")),
        environment=tuple((name, f"http://127.0.0.1:{port}") for name in _VARIABLES),
        low_ports=any(target.port < 1024 for target in targets),
    )


def _loopback(host: str, number: int) -> str | None:
    """The address in the jail that stands for the host; None: only reached through the proxy's port."""
    if host == "localhost":
        return "127.0.0.1"
    if _is_address(host):
        return host if ipaddress.ip_address(host).is_loopback else None
    return f"127.0.{1 + number // 250}.{1 + number % 250}"


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _proxy_port(targets: list[Target]) -> int:
    taken = {target.port for target in targets}
    return next(port for port in range(_PROXY_PORT, _PROXY_PORT + len(taken) + 1) if port not in taken)
