"""What was asked for, what was used last time → a port that is free on this machine."""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
from pathlib import Path

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


class Ports:
    """The ports of one stack, kept from every other stack of this user until `release`.

    Between the choice of a port and the moment the part listens on it, a second stack would find it free.
    """

    def __init__(self) -> None:
        self._locks: list[int] = []

    def choose(
        self,
        asked: int | None,
        *,
        remembered: int | None,
        part: str,
        option: str,
        host: str = "127.0.0.1",
        preferred: int = 0,
    ) -> int:
        """The port for a part: the one asked for or an error, else last time's, else the usual one, else any.

        `option` is the command line option that an error message tells the user to change. Raises PortTaken.
        """
        if asked is not None:
            if not (is_free(asked, host) and self._keep(asked)):
                raise PortTaken(asked, part=part, option=option)
            return asked
        for port in (remembered, preferred):
            if port and is_free(port, host) and self._keep(port):
                return port
        while True:
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
                probe.bind((host, 0))
                port = int(probe.getsockname()[1])
            if self._keep(port):
                return port

    def release(self) -> None:
        """Let others choose them."""
        while self._locks:
            os.close(self._locks.pop())

    def _keep(self, port: int) -> bool:
        """Whether it is ours now. The lock goes with the process, however that ends."""
        folder = _folder()
        if folder is None:
            return True
        lock = os.open(folder / str(port), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return False
        self._locks.append(lock)
        return True


def _folder() -> Path | None:
    """Where this user's stacks tell each other of their ports; None: somebody else has taken the name."""
    folder = Path(tempfile.gettempdir(), f"commandcenter-ports-{os.getuid()}")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        state = folder.lstat()
    except OSError:
        return None
    return folder if folder.is_dir() and not folder.is_symlink() and state.st_uid == os.getuid() else None
