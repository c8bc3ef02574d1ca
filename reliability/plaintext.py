"""Addresses of the parts -> whether what they say to each other can be read on the way, which is refused.

Plain text is for this machine alone. `COMMANDCENTER_ALLOW_PLAINTEXT` names the parts whose network is private, as that
of containers on one machine is: `database`, `nats`, `prefect`, `api`, separated by commas, or `yes` for all of them.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit

VARIABLE = "COMMANDCENTER_ALLOW_PLAINTEXT"
Part = Literal["database", "nats", "prefect", "api"]
_PARTS: Mapping[Part, tuple[str, str]] = {
    "database": ("the database", "add sslmode=verify-full (and sslrootcert=…) to its URL"),
    "nats": ("NATS", "write tls:// and, for a CA of your own, set COMMANDCENTER_TLS_CA"),
    "prefect": ("Prefect's API", "write https:// and, for a CA of your own, set COMMANDCENTER_TLS_CA"),
    "api": ("the API", "write https://"),
}
_TLS_SCHEMES = frozenset({"https", "tls", "wss"})
_TLS_MODES = frozenset({"require", "verify-ca", "verify-full"})
_DATABASES = frozenset({"postgres", "postgresql"})


class PlaintextRefused(ValueError):
    """A connection or a listener would send everything in plain text to another machine."""


def is_loopback(host: str) -> bool:
    """Whether that host is this machine, by its name or its address."""
    name = host.strip("[]").lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        return False


def plaintext_allowed(part: Part, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the operator says that the network of that part is private."""
    named = {each.strip().lower() for each in environment.get(VARIABLE, "").split(",")}
    return not named.isdisjoint((part, "yes"))


def refuse_plaintext(url: str, part: Part, environment: Mapping[str, str] = os.environ) -> None:
    """Raises PlaintextRefused where that address is another machine's and has no TLS. Never shows a password."""
    if plaintext_allowed(part, environment):
        return
    if host := next((each for each in _exposed_hosts(url) if not is_loopback(each)), None):
        what, fix = _PARTS[part]
        raise PlaintextRefused(
            f"{what} at {host!r:.100} would be spoken to in plain text, passwords included: {fix}, or set "
            f"{VARIABLE}={part} where that network is private"
        )


def refuse_plain_listener(
    host: str, part: Part, *, tls: bool, environment: Mapping[str, str] = os.environ
) -> None:
    """Raises PlaintextRefused where a server would listen for other machines without TLS."""
    if tls or is_loopback(host) or plaintext_allowed(part, environment):
        return
    raise PlaintextRefused(
        f"{_PARTS[part][0]} would listen on {host or '0.0.0.0'!r:.100} in plain text, passwords included: set "
        f"COMMANDCENTER_TLS_CERT and COMMANDCENTER_TLS_KEY, or {VARIABLE}={part} where that network is private or a "
        "proxy on it ends TLS"
    )


def _exposed_hosts(url: str) -> list[str]:
    """The hosts of an address, or of several with commas between them, that are spoken to in plain text."""
    scheme, _, rest = url.strip().partition("://")
    kind = scheme.partition("+")[0].lower()
    if kind == "sqlite" or not url.strip():
        return []
    if kind in _DATABASES:
        return _database_hosts(rest)
    found: list[str] = []
    for each in url.split(","):
        # As NATS takes them: one without a scheme has that of plain text.
        address = each.strip() if "://" in each else f"nats://{each.strip()}"
        parts = urlsplit(address)
        if parts.scheme.lower() not in _TLS_SCHEMES and parts.hostname:
            found.append(parts.hostname)
    return found


def _database_hosts(rest: str) -> list[str]:
    before, _, text = rest.partition("?")
    query = parse_qs(text)
    # What libpq takes wins over the address, and falls back to the environment.
    modes = query.get("sslmode") or query.get("ssl") or [os.environ.get("PGSSLMODE", "")]
    if modes[-1] in _TLS_MODES:
        return []
    named = query.get("hostaddr", []) + query.get("host", [])
    places = named or [before.partition("/")[0].rpartition("@")[2]]
    hosts = [host for place in places for host in place.split(",") if host]
    # Not those of a socket in the file system.
    return [_without_port(unquote(host)) for host in hosts if not unquote(host).startswith(("/", "@"))]


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0] if host.count(":") == 1 else host
