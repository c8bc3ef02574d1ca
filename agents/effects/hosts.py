"""A host that an effect is to reach -> refused, unless the node's network names it and it is one of the open internet.

In the jail a proxy sees to that. Effects are carried out on the platform's side, which reaches more.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence

from agents.effects.effect import EffectError, TransientEffectError
from agents.sandbox.egress.proxy import is_public
from agents.sandbox.egress.target import Target, make_target, parse_target


def require_host(host: str, port: int, allowed: Sequence[str]) -> None:
    """Raises EffectError for a host that is not allowed, TransientEffectError for one whose name is not known now."""
    try:
        target = make_target(host, str(port))
    except ValueError as exc:
        raise EffectError(str(exc)) from exc
    named = frozenset(parse_target(entry) for entry in allowed)
    if target not in named:
        raise EffectError(
            f"the way out to {target} is closed: the node's `network` does not name it, or the operator does not "
            "let the project reach it"
        )
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except OSError as exc:
        raise TransientEffectError(f"{target} cannot be reached: {exc.strerror or exc}") from exc
    for entry in found:
        _require_address(str(entry[4][0]), target, named)


def require_address(host: str, port: int, address: str, allowed: Sequence[str]) -> None:
    """The same for the address that answered in the end: a name may point elsewhere a moment later."""
    _require_address(address, make_target(host, str(port)), frozenset(parse_target(entry) for entry in allowed))


def _require_address(text: str, target: Target, named: frozenset[Target]) -> None:
    address = ipaddress.ip_address(text.partition("%")[0])
    if not (is_public(address) or _is_named(str(address), target, named)):
        raise EffectError(
            f"the way out to {target} is closed: its address {address} is not public, "
            "and the network list does not name it"
        )


def _is_named(address: str, target: Target, named: frozenset[Target]) -> bool:
    if target.host == "localhost" and ipaddress.ip_address(address).is_loopback:
        return True
    return any(each.port == target.port and each.host.strip("[]") == address for each in named)
