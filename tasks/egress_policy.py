"""What the operator allows agents of a project to reach, on top of what manifests and workflows name.

`COMMANDCENTER_EGRESS_PROJECT_<id>` holds the list of one project, `COMMANDCENTER_EGRESS` that of all others:
`host:port` separated by commas, where `*.example.org:443` is any name below it and `host:*` any port. An empty list
allows nothing; without a list, what is declared is allowed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from agents.sandbox.egress.target import Target, parse_target

VARIABLE = "COMMANDCENTER_EGRESS"
PROJECT_PREFIX = "COMMANDCENTER_EGRESS_PROJECT_"


def refused_hosts(
    network: Iterable[str], project_id: int, environment: Mapping[str, str] = os.environ
) -> tuple[str, ...]:
    """Those of the hosts that the operator does not allow for that project."""
    allowed = environment.get(f"{PROJECT_PREFIX}{project_id}", environment.get(VARIABLE))
    if allowed is None:
        return ()
    patterns = [each.strip() for each in allowed.split(",") if each.strip()]
    return tuple(host for host in network if not any(_fits(parse_target(host), each) for each in patterns))


def allowed_hosts(
    network: Iterable[str], project_id: int, environment: Mapping[str, str] = os.environ
) -> tuple[str, ...]:
    """The rest of them: what an effect may reach that is carried out for that project."""
    named = tuple(network)
    refused = refused_hosts(named, project_id, environment)
    return tuple(host for host in named if host not in refused)


def _fits(target: Target, pattern: str) -> bool:
    host, _, port = pattern.rpartition(":")
    host = host.strip("[]").lower().removesuffix(".")
    if port not in ("*", str(target.port)):
        return False
    if host.startswith("*."):
        return target.host.endswith(host[1:]) and len(target.host) > len(host) - 1
    return target.host == host
