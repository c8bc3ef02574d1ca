"""What the backend tells the launcher, as JSON on a pipe."""

from __future__ import annotations

from typing import Any, TypedDict

Listener = tuple[str, int, str]
"""Address and port in the jail, and `host:port` to tunnel to (empty: the client says, in HTTP)."""


class LimitNumbers(TypedDict):
    """The limits the launcher enters; see `agents.sandbox.port.Limits`."""

    memory_mb: int
    cpu_seconds: int
    processes: int
    open_files: int
    file_size_mb: int
    tmp_mb: int
    result_bytes: int


class LaunchOrder(TypedDict):
    """One execution, from the launcher's side."""

    request: dict[str, Any] | None
    """What the runner finds in its request file. None: a warm jail; request and secrets come in a second message."""
    preload: str
    """What a warm jail imports before its request comes: an entry path; empty: the SDK only."""
    module: str
    """The runner: a dotted module, or the absolute path of a script."""
    environment: dict[str, str]
    secrets: dict[str, str]
    limits: LimitNumbers
    uid: int | None
    """User to become; None: the launcher already is whom it should be."""
    memory_counted: bool
    """A cgroup holds the memory."""
    watch_memory: bool
    """The launcher watches what the agent's processes hold together: a process outside cannot."""
    network: bool
    """IP sockets are allowed (what they can reach is not for the launcher to say)."""
    listen: list[Listener]
    """Ports that lead to the egress proxy."""
    copies: list[tuple[str, str]]
    """Folder or file in the jail -> folder in the jail that gets a copy the agent may write."""
    paths: list[str]
    """What the agent may import from, after the standard library."""
    prefix: str
    """The virtual environment's folder in the jail; empty: none."""


class WarmMessage(TypedDict):
    """The second message to a warm jail: what it is to do."""

    request: dict[str, Any]
    environment: dict[str, str]
    """Variables of this run only."""
    secrets: dict[str, str]
