"""The first program in a container -> bubblewrap, with the launcher in it, on sockets that lead to the worker.

Started as `python -I -S enter.py COMMAND…`, as the container's root. `{order}` and `{secrets}` in the command
become descriptors: the worker's control socket, and a pipe with the secrets from the container's environment. What
is marked as hidden or closed is covered where the image has it.
"""

from __future__ import annotations

import json
import os
import socket
import sys

CONTROL = "/jail/control"
LOG = "/jail/log"
HIDE = "{hide}"
"""Before a file: it is covered with nothing, if it is there."""
CLOSE = "{close}"
"""Before a folder: it is covered with one that nobody may enter, if it is there and the interpreter is elsewhere."""
REPLACE = "{replace}"
"""Before `FILE=OTHER`: FILE is covered with OTHER, if it is there."""
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
        covered = _covered(argument)
        command += [fields.get(argument, argument)] if covered is None else covered
    for descriptor in (control, pipe):
        os.set_inheritable(descriptor, True)
    os.execve(command[0], command, {})


def _covered(argument: str) -> list[str] | None:
    """bubblewrap's arguments for what is marked; None: the argument is not. Links are followed."""
    for mark in (HIDE, CLOSE, REPLACE):
        if not argument.startswith(mark):
            continue
        path, _, other = argument.removeprefix(mark).partition("=")
        path = os.path.realpath(path)
        if mark == CLOSE:
            python = os.path.realpath(sys.executable)
            closed = os.path.isdir(path) and not f"{python}/".startswith(f"{path}/")  # noqa: PTH112
            return ["--perms", "0000", "--tmpfs", path, "--remount-ro", path] if closed else []
        # pathlib is slow to import in here
        return ["--ro-bind", other or "/dev/null", path] if os.path.exists(path) else []  # noqa: PTH110
    return None


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
