"""An order on a pipe -> the agent, inside every limit of the jail -> its result and files on another pipe.

Started as `python -I -S -u launcher.py ORDER_FD REPORT_FD [SECRETS_FD]`. Says hello, reads the order (its length
on a line, then JSON), enters the limits, starts the agent's runner in a child, waits, ends whatever the agent left
running, and writes the report: lines of JSON, then the bytes of result and artifacts. Nothing it writes is trusted
outside.

An order without a request is for a warm jail: the child imports what it needs, and waits. What it is to do comes in
a second message, which the launcher hands on through a pipe.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
"""As in `typing`, which takes too long to import."""
if TYPE_CHECKING:
    import socket
    from typing import NoReturn

    from agents.sandbox.inside.order import LaunchOrder

_STATE = "/tmp/.commandcenter"
_REQUEST, _RESULT, _ARTIFACTS = f"{_STATE}/request.json", f"{_STATE}/result.json", f"{_STATE}/artifacts"
_SOURCES = "/jail/lib"
_MAX_ARTIFACTS = 64


def main() -> None:
    """The whole of it. Only returns in the child, which goes on as the agent's runner."""
    order_fd, report_fd, *others = (int(argument) for argument in sys.argv[1:])
    _close_others(order_fd, report_fd, *others)
    os.write(report_fd, b'{"hello": 1}\n')
    order_bytes = _read_order(order_fd)
    sys.path.insert(0, _SOURCES)
    import json

    order = json.loads(order_bytes)
    del order_bytes
    warm = order["request"] is None
    if order_fd != report_fd and not warm:
        os.close(order_fd)
    for secrets_fd in others:
        order["secrets"] = json.loads(_read_all(secrets_fd))
        os.close(secrets_fd)
    entered = False
    try:
        # Before privileges go: some of these ports are below 1024.
        ports = _listen(order)
        held = _enter(order)
        entered = True
        _prepare(order)
    except Exception as exc:
        refused = {"refused": f"{type(exc).__name__}: {exc}", "entered": entered}
        _write_all(report_fd, json.dumps(refused).encode() + b"\n")
        os._exit(125)
    _write_all(report_fd, json.dumps({"held": held}).encode() + b"\n")
    if ports and os.fork() == 0:
        os.close(report_fd)
        _forward(ports)
    for port, _ in ports:
        port.close()
    coming, handing_on = os.pipe() if warm else (-1, -1)
    child = os.fork()
    if child == 0:
        os.close(report_fd)
        if warm:
            os.close(order_fd)
            os.close(handing_on)
        _become_agent(order, coming)
        return
    if warm:
        os.close(coming)
        _hand_on(_read_order(order_fd), handing_on)
        os.close(order_fd)
    _finish(child, report_fd, order)


def _listen(order: LaunchOrder) -> list[tuple[socket.socket, str]]:
    if not order["listen"]:
        return []
    from agents.sandbox.inside import forwarder

    return forwarder.listen(order["listen"])


def _forward(ports: list[tuple[socket.socket, str]]) -> NoReturn:
    from agents.sandbox.inside import forwarder

    try:
        forwarder.serve(ports)
    finally:
        os._exit(1)


def _enter(order: LaunchOrder) -> dict[str, str]:
    """Every limit, in an order in which none stands in the way of the next."""
    from agents.sandbox.inside import landlock, limits, seccomp

    limits.drop_privileges(order["uid"])
    limits.set_dumpable(False)
    held = limits.restrict(order["limits"], memory_counted=order["memory_counted"])
    program = seccomp.program(os.uname().machine, network=order["network"])
    walls = landlock.restrict_writes(["/tmp", "/work"])
    seccomp.load(program)
    held["system-calls"] = "seccomp"
    held["files"] = f"mounts + {walls}" if walls else "mounts"
    return held


def _prepare(order: LaunchOrder) -> None:
    """The request as a file, and a copy of what the agent may write."""
    import json

    os.umask(0o022)
    os.mkdir(_STATE, 0o700)  # noqa: PTH102
    os.mkdir(_ARTIFACTS, 0o700)  # noqa: PTH102
    if order["request"] is not None:
        with open(_REQUEST, "w") as file:  # noqa: PTH123 - pathlib is slow to import in here
            json.dump(order["request"], file)
    for source, target in order["copies"]:
        _copy(source, target)


def _copy(source: str, target: str) -> None:
    """The folder's entries, or the file, into the folder `target`; links are copied as links."""
    import shutil

    if not os.path.isdir(source):  # noqa: PTH112
        shutil.copy(source, f"{target}/{os.path.basename(source)}")  # noqa: PTH119
        return
    for entry in os.scandir(source):
        place = f"{target}/{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            shutil.copytree(entry.path, place, symlinks=True)
        else:
            shutil.copy(entry.path, place, follow_symlinks=False)


def _hand_on(message: bytes, pipe: int) -> None:
    """Give a warm child its request. It may have ended, or may not read: then the time limit ends it."""
    try:
        _write_all(pipe, message)
    except BrokenPipeError:
        pass
    os.close(pipe)


def _become_agent(order: LaunchOrder, coming: int) -> None:
    from agents.sandbox.inside import landlock, limits

    os.setsid()
    limits.set_dumpable(True)
    landlock.shield_from_signals()
    os.environ.clear()
    os.environ.update(order["environment"])
    os.environ.update(
        COMMANDCENTER_REQUEST=_REQUEST, COMMANDCENTER_RESULT=_RESULT, COMMANDCENTER_ARTIFACTS=_ARTIFACTS
    )
    if order["request"] is None:
        del os.environ["COMMANDCENTER_REQUEST"]
        os.environ.update(COMMANDCENTER_REQUEST_FD=str(coming), COMMANDCENTER_PRELOAD=order["preload"])
    if order["secrets"]:
        os.environ["COMMANDCENTER_SECRETS_FD"] = str(_filled_pipe(order["secrets"]))
    os.chdir("/tmp")
    sys.path += [path for path in order["paths"] if path not in sys.path]
    if order["prefix"]:
        # As `site` would have done for the virtual environment.
        sys.prefix = sys.exec_prefix = order["prefix"]
    module = order["module"]
    sys.argv[:] = [module]

    import runpy
    import site

    site.setquit()
    if module.startswith("/"):
        runpy.run_path(module, run_name="__main__")
    else:
        runpy.run_module(module, run_name="__main__", alter_sys=True)


def _filled_pipe(secrets: dict[str, str]) -> int:
    """A pipe that holds them; the runner reads it to its end and puts them into its environment."""
    import fcntl
    import json

    content = json.dumps(secrets).encode()
    read_end, write_end = os.pipe()
    fcntl.fcntl(write_end, 1031, max(len(content), 4096))  # F_SETPIPE_SZ
    _write_all(write_end, content)
    os.close(write_end)
    return read_end


def _finish(child: int, report_fd: int, order: LaunchOrder) -> None:
    """Wait for the agent, end its children, report. Never returns."""
    import json
    import resource
    import signal

    limits = order["limits"]
    reason = ""
    if order["watch_memory"]:
        from agents.sandbox.inside import watch

        reason = watch.wait(child, limits["memory_mb"], report_fd)
    if reason:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    try:
        os.kill(-1, signal.SIGKILL)
    except OSError:
        pass
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = _bounded(_RESULT, limits["result_bytes"])
    files = _artifacts(limits["tmp_mb"] << 20)
    head = {
        "status": status,
        "result": None if result is None else len(result),
        "artifacts": [{"file": name, "size": len(content)} for name, content in files],
        "max_memory_kb": used.ru_maxrss,
        "over_memory": reason == "memory",
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 3),
    }
    _write_all(report_fd, json.dumps(head).encode() + b"\n")
    _write_all(report_fd, result or b"")
    for _, content in files:
        _write_all(report_fd, content)
    os._exit(0)


def _artifacts(budget: int) -> list[tuple[str, bytes]]:
    files: list[tuple[str, bytes]] = []
    try:
        names = sorted(os.listdir(_ARTIFACTS))[:_MAX_ARTIFACTS]  # noqa: PTH208
    except OSError:
        return files
    for name in names:
        content = _bounded(f"{_ARTIFACTS}/{name}", budget)
        if content is not None and len(content) <= budget:
            budget -= len(content)
            files.append((name, content))
    return files


def _bounded(path: str, limit: int) -> bytes | None:
    """Content of a plain file, at most one byte more than `limit`; the agent may have put anything there."""
    import stat

    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return None
        return _read_all(handle, limit + 1)
    except OSError:
        return None
    finally:
        os.close(handle)


def _close_others(*keep: int) -> None:
    low = 3
    for handle in sorted(keep):
        os.closerange(low, handle)
        low = handle + 1
    os.closerange(low, 4096)


def _read_order(handle: int) -> bytes:
    length = b""
    while not length.endswith(b"\n"):
        digit = os.read(handle, 1)
        if not digit:
            os._exit(125)
        length += digit
    return _read_all(handle, int(length))


def _read_all(handle: int, limit: int = sys.maxsize) -> bytes:
    parts: list[bytes] = []
    while limit > 0 and (part := os.read(handle, min(limit, 1 << 16))):
        parts.append(part)
        limit -= len(part)
    return b"".join(parts)


def _write_all(handle: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(handle, view) :]


if __name__ == "__main__":
    main()
