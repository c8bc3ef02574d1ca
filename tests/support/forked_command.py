"""`commandcenter …` in a process of its own, quickly: forked from a process that has imported the command line already.

Starting Python and importing Prefect takes seconds of a CPU, which tests that call twenty commands would spend twenty
times. What runs is `deployments.cli.main.main` in a new process with the given arguments, environment and files; only
the interpreter's own start and what happens while modules are imported is not tested. Tests of these start the program.

    python forked_command.py FD  takes one connection per command on its standard input, until FD ends
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

COMMAND = str(Path(sys.executable).with_name("commandcenter"))
"""The program itself, for what must be started as a user starts it."""
_ADDRESS = "\0commandcenter-tests-{}"
_LARGEST_REQUEST = 1_000_000
_server_lock = threading.Lock()
_server: subprocess.Popen[bytes] | None = None
_START_SECONDS = 600
_SECONDS = 300
"""How long a command may take: whole platforms of other tests run beside it."""


class Running:
    """A command that has been started."""

    def __init__(self, connection: socket.socket, pid: int, arguments: Sequence[str]) -> None:
        self.pid = pid
        self._connection = connection
        self._arguments = arguments

    def wait(self, timeout: float = _SECONDS) -> int:
        """The exit status; kills the command and raises TimeoutExpired after `timeout` seconds."""
        self._connection.settimeout(timeout)
        try:
            answer = self._connection.recv(64)
        except TimeoutError:
            self.kill()
            raise subprocess.TimeoutExpired(list(self._arguments), timeout) from None
        finally:
            self._connection.close()
        return int(answer or b"-9")

    def kill(self) -> None:
        """SIGKILL."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)


def start_command(
    arguments: Sequence[str],
    *,
    env: Mapping[str, str],
    stdin: int | IO[Any],
    stdout: int | IO[Any],
    stderr: int | IO[Any],
    cwd: str | Path | None = None,
    umask: int | None = None,
) -> Running:
    """Start `commandcenter` with these arguments, environment and files."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(_START_SECONDS)
    connection.connect(_address())
    request = {"arguments": list(arguments), "env": dict(env), "cwd": str(cwd or Path.cwd()), "umask": umask}
    files = [each if isinstance(each, int) else each.fileno() for each in (stdin, stdout, stderr)]
    encoded = json.dumps(request).encode()
    socket.send_fds(connection, [len(encoded).to_bytes(4)], files)
    connection.sendall(encoded)
    return Running(connection, int.from_bytes(_exactly(connection, 4)), arguments)


def run_command(
    arguments: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    text: str = "",
    cwd: str | Path | None = None,
    timeout: float = _SECONDS,
    check: bool = False,
    umask: int | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run it to its end, with `text` on standard input; as `subprocess.run` with captured text."""
    with (
        tempfile.TemporaryFile() as stdin,
        tempfile.TemporaryFile() as stdout,
        tempfile.TemporaryFile() as stderr,
    ):
        stdin.write(text.encode())
        stdin.seek(0)
        started = start_command(
            arguments,
            env=os.environ if env is None else env,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            cwd=cwd,
            umask=umask,
        )
        status = started.wait(timeout)
        stdout.seek(0)
        stderr.seek(0)
        done = subprocess.CompletedProcess(
            [COMMAND, *arguments], status, stdout.read().decode(), stderr.read().decode()
        )
    if check:
        done.check_returncode()
    return done


def _address() -> str:
    """The server of this process, started when it is needed first."""
    global _server
    with _server_lock:
        address = _ADDRESS.format(os.getpid())
        if _server is None or _server.poll() is not None:
            listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            listening.bind(address)
            listening.listen(64)
            # Its imports must not find what belongs to one test; each command gets its own environment.
            env = {name: value for name, value in os.environ.items() if not name.startswith("COMMANDCENTER_")}
            # The server ends when this process closes its end of the pipe. Not PDEATHSIG: it comes when a thread ends.
            alive, _ours = os.pipe()
            command = [sys.executable, __file__, str(alive)]
            _server = subprocess.Popen(
                command, stdin=listening.fileno(), env=env, pass_fds=[alive], start_new_session=True
            )
            os.close(alive)
            listening.close()
        return address


def _exactly(connection: socket.socket, count: int) -> bytes:
    read = b""
    while len(read) < count:
        part = connection.recv(count - len(read))
        if not part:
            raise ConnectionError("the process that starts commands has gone")
        read += part
    return read


def _serve(alive: int) -> None:
    listening = socket.socket(fileno=os.dup(0))

    from deployments.cli.commands import TABLE, commands_of

    for module in TABLE:  # each forked command finds it imported
        commands_of(module)

    # The processes in between are nobody's concern.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while listening in select.select([listening, alive], [], [])[0]:
        connection, _ = listening.accept()
        if os.fork() == 0:
            listening.close()
            os.close(alive)
            _supervise(connection)
        connection.close()


def _supervise(connection: socket.socket) -> None:
    """Fork the command, tell its id and how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    size, files, _, _ = socket.recv_fds(connection, 4, 3)
    request = json.loads(_exactly(connection, int.from_bytes(size)))
    pid = os.fork()
    if pid == 0:
        connection.close()
        _become(request, files)
    for each in files:
        os.close(each)
    with suppress(OSError):
        connection.sendall(pid.to_bytes(4))
    _, status = os.waitpid(pid, 0)
    with suppress(OSError):
        connection.sendall(str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _become(request: dict[str, Any], files: list[int]) -> None:
    """This process is the command from here on."""
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(request["cwd"])
    if request["umask"] is not None:
        os.umask(request["umask"])
    os.environ.clear()
    os.environ.update(request["env"])
    sys.argv = [COMMAND, *request["arguments"]]
    sys.orig_argv = [sys.executable, *sys.argv]
    sys.stdin = open(0, closefd=False)
    sys.stdout = open(1, "w", closefd=False)
    sys.stderr = open(2, "w", closefd=False)
    status: Any = 1
    try:
        import prefect.context

        from deployments.cli import output
        from deployments.cli.main import main

        # What is read from the environment while modules are imported: Prefect's settings, and the terminal's colours.
        prefect.context.refresh_global_settings_context()
        output.console.__init__()
        main()
        status = 0
    except SystemExit as exc:
        status = exc.code
    except BaseException:
        traceback.print_exc()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    if isinstance(status, str):
        os.write(2, f"{status}\n".encode())
        status = 1
    os._exit(status or 0)


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
