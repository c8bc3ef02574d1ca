"""What was asked for, what was used last time → a port that is free on this machine."""

from __future__ import annotations

import socket

from deployments.errors import PortTaken


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen there now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: a port is not taken because old connections to it still time out.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def choose(
    asked: int | None,
    *,
    remembered: int | None,
    part: str,
    option: str,
    host: str = "127.0.0.1",
    preferred: int = 0,
) -> int:
    """The port for a part: the one asked for or an error, else last time's, else the usual one, else any.

    `option` is the command line option that an error message tells the user to change.
    """
    if asked is not None:
        if not is_free(asked, host):
            raise PortTaken(asked, part=part, option=option)
        return asked
    for port in (remembered, preferred):
        if port and is_free(port, host):
            return port
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
