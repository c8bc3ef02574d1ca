"""The first program in a container -> bubblewrap, with the launcher in it, on sockets that lead to the worker.

Started as `python -I -S enter.py COMMAND…`, as the container's root. `{order}` and `{secrets}` in the command
become descriptors: the worker's control socket, and a pipe with the secrets from the container's environment.
"""

from __future__ import annotations

import json
import os
import socket
import sys

CONTROL = "/jail/control"
LOG = "/jail/log"
HIDE = "{hide}"
"""Before a path: it is covered, if this kernel has it."""
SECRET_PREFIX = "COMMANDCENTER_SECRET_"


def main() -> None:
    """Connect, and become the command."""
    control, log = _connect(CONTROL), _connect(LOG)
    secrets = {
        name.removeprefix(SECRET_PREFIX): value
        for name, value in os.environ.items()
        if name.startswith(SECRET_PREFIX)
    }
    pipe = _filled_pipe(json.dumps(secrets).encode())
    for descriptor in (1, 2):
        os.dup2(log, descriptor)
    os.close(log)
    fields = {"{order}": str(control), "{secrets}": str(pipe)}
    command: list[str] = []
    for argument in sys.argv[1:]:
        path = argument.removeprefix(HIDE)
        if path == argument:
            command.append(fields.get(argument, argument))
        elif os.path.exists(path):  # noqa: PTH110 - pathlib is slow to import in here
            command += ["--ro-bind", "/dev/null", path]
    for descriptor in (control, pipe):
        os.set_inheritable(descriptor, True)
    os.execve(command[0], command, {})


def _connect(path: str) -> int:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.connect(path)
    return connection.detach()


def _filled_pipe(content: bytes) -> int:
    import fcntl

    read_end, write_end = os.pipe()
    fcntl.fcntl(write_end, 1031, max(len(content), 4096))  # F_SETPIPE_SZ
    os.write(write_end, content)
    os.close(write_end)
    return read_end


if __name__ == "__main__":
    main()
