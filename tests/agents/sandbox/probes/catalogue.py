"""Names of escapes -> functions that try them. Standard library only: the same code runs bare and in the jail.

A probe returns when the escape worked, with what it got hold of; it raises where it was stopped. `Scene` is what
the test has set up on the host for the probes to find.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Scene = dict[str, Any]
PROBES: dict[str, Probe] = {}
_LIBC = ctypes.CDLL(None, use_errno=True)
_REFUSED = (1, 38)  # EPERM, ENOSYS


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One named escape."""

    name: str
    what: str
    try_it: Callable[[Scene], object] = field(repr=False)
    root: bool
    """Without the jail it takes root."""
    alone: bool
    """It uses up a limit that ends the whole run, so it runs by itself."""


def probe(what: str, *, root: bool = False, alone: bool = False) -> Callable[[Callable[[Scene], object]], Any]:
    """Register a function under its name."""

    def register(function: Callable[[Scene], object]) -> Callable[[Scene], object]:
        name = function.__name__.strip("_").replace("_", "-")
        PROBES[name] = Probe(name=name, what=what, try_it=function, root=root, alone=alone)
        return function

    return register


def attempt(name: str, scene: Scene, *, seconds: float = 20) -> dict[str, Any]:
    """Try one in a process of its own. Returns `escaped` and `how`."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read_end)
        os.setsid()
        try:
            answer = {"escaped": True, "how": str(PROBES[name].try_it(scene))[:120]}
        except BaseException as exc:
            answer = {"escaped": False, "how": f"{type(exc).__name__}: {exc}"[:120]}
        os.write(write_end, json.dumps(answer).encode() + b"\n")
        os._exit(0)
    os.close(write_end)
    said = _read_for(read_end, seconds)
    try:
        os.killpg(child, signal.SIGKILL)
    except OSError:
        pass
    _, status = os.waitpid(child, 0)
    if not said:
        return {"escaped": False, "how": f"ended by {os.waitstatus_to_exitcode(status)}"}
    return json.loads(said)


def _read_for(handle: int, seconds: float) -> bytes:
    import select

    parts: list[bytes] = []
    end = time.monotonic() + seconds
    while select.select([handle], [], [], max(0, end - time.monotonic()))[0]:
        part = os.read(handle, 4096)
        parts.append(part)
        # Not the end of the pipe: what the probe started may hold it open.
        if not part or part.endswith(b"\n"):
            break
    os.close(handle)
    return b"".join(parts)


def syscall(number: int, *arguments: Any) -> int:
    """A system call; raises OSError."""
    ctypes.set_errno(0)
    answer = int(_LIBC.syscall(ctypes.c_long(number), *arguments))
    if answer == -1:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return answer


def reaches_kernel(number: int, *arguments: Any) -> str:
    """The call is judged by the kernel itself, if only to say that these harmless arguments make no sense."""
    try:
        return f"answered {syscall(number, *arguments)}"
    except OSError as exc:
        if exc.errno in _REFUSED:
            raise
        return f"answered {exc.strerror}"


def main() -> None:
    """Without a jail: names and scene as JSON on stdin, answers on stdout."""
    order = json.load(sys.stdin)
    scene = {**order["scene"], "parent": os.getppid()}
    answers = {name: attempt(name, scene) for name in order["names"]}
    json.dump(answers, sys.stdout)


def load_all() -> dict[str, Probe]:
    """Every probe there is."""
    import probes_of_files
    import probes_of_limits
    import probes_of_processes
    import probes_of_sockets
    import probes_of_system_calls

    _ = (probes_of_files, probes_of_limits, probes_of_processes, probes_of_sockets, probes_of_system_calls)
    return PROBES


if __name__ == "__main__":
    sys.modules["catalogue"] = sys.modules["__main__"]
    load_all()
    main()
