# ruff: noqa: PTH208
"""Escapes through other processes, identities, capabilities and the environment."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from pathlib import Path

from catalogue import Scene, probe, syscall

_LIBC = ctypes.CDLL(None, use_errno=True)


@probe("find a secret in the environment inherited from the host")
def inherited_environment(scene: Scene) -> object:
    for name, value in os.environ.items():
        if scene["secret"] in value:
            return name
    raise LookupError("nothing of the host")


@probe("read the environment of a process of the host")
def read_other_environment(scene: Scene) -> object:
    return _find("environ", scene["secret"])


@probe("see the command lines of the host's processes")
def see_other_processes(scene: Scene) -> object:
    return _find("cmdline", scene["marker"])


@probe("signal a process of the host")
def signal_other_process(scene: Scene) -> object:
    os.kill(scene["pid"], 0)
    if scene["marker"].encode() not in Path("/proc", str(scene["pid"]), "cmdline").read_bytes():
        raise LookupError("another process has that number here")
    return scene["pid"]


@probe("signal everything")
def signal_everything(scene: Scene) -> object:
    # Signal 0: whoever could be signalled, could be killed.
    seen = [pid for pid in range(1, 40_000) if Path("/proc", str(pid)).exists() and _can_signal(pid)]
    strangers = [pid for pid in seen if scene["marker"].encode() in _read(f"/proc/{pid}/cmdline")]
    if not strangers:
        raise LookupError("nobody of the host")
    return strangers


@probe("signal the process that watches over the agent")
def signal_parent(scene: Scene) -> object:
    os.kill(scene["parent"], 0)
    return scene["parent"]


@probe("write to the memory of the process that watches over the agent")
def write_to_parent(scene: Scene) -> object:
    os.close(os.open(f"/proc/{scene['parent']}/mem", os.O_RDWR))
    return scene["parent"]


@probe("take a descriptor from the process that watches over the agent")
def take_descriptor_of_parent(scene: Scene) -> object:
    return os.listdir(f"/proc/{scene['parent']}/fd")


@probe("trace a process")
def trace_process(scene: Scene) -> object:
    child = _sleeper()
    try:
        return syscall(101 if os.uname().machine == "x86_64" else 117, 0x4206, child, 0, 0)
    finally:
        os.kill(child, signal.SIGKILL)


@probe("read another process's memory")
def read_process_memory(scene: Scene) -> object:
    child = _sleeper()
    buffer = ctypes.create_string_buffer(8)
    vector = (ctypes.c_void_p * 2)(ctypes.addressof(buffer), 8)
    try:
        number = 310 if os.uname().machine == "x86_64" else 270
        return syscall(number, child, vector, ctypes.c_ulong(1), vector, ctypes.c_ulong(1), ctypes.c_ulong(0))
    finally:
        os.kill(child, signal.SIGKILL)


@probe("take a descriptor out of another process")
def take_descriptor(scene: Scene) -> object:
    child = _sleeper()
    try:
        return syscall(438, os.pidfd_open(child), 0, 0)
    finally:
        os.kill(child, signal.SIGKILL)


@probe("become root", root=True)
def become_root(scene: Scene) -> object:
    os.setresuid(0, 0, 0)
    return os.getuid()


@probe("take a group", root=True)
def take_group(scene: Scene) -> object:
    os.setgroups([0])
    return os.getgroups()


@probe("hold a capability", root=True)
def hold_capability(scene: Scene) -> object:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(("CapPrm", "CapEff", "CapBnd", "CapAmb", "CapInh")) and int(line.split()[1], 16):
            return line
    raise LookupError("none")


@probe("gain rights by executing a program")
def gain_by_execution(scene: Scene) -> object:
    if "NoNewPrivs:\t1" in Path("/proc/self/status").read_text():
        raise PermissionError("no-new-privs")
    return "no-new-privs is off"


@probe("give a file away", root=True)
def give_file_away(scene: Scene) -> object:
    place = Path(f"/tmp/given-{os.getpid()}")
    place.touch()
    try:
        os.chown(place, 1, 1)
    finally:
        place.unlink()
    return "chown"


@probe("run before all others", root=True)
def run_before_others(scene: Scene) -> object:
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    return "real-time"


@probe("get a better priority", root=True)
def better_priority(scene: Scene) -> object:
    return os.nice(-5)


@probe("have the host's name")
def see_host_name(scene: Scene) -> object:
    if os.uname().nodename != scene["hostname"]:
        raise LookupError(os.uname().nodename)
    return scene["hostname"]


def _sleeper() -> int:
    child = os.fork()
    if child == 0:
        time.sleep(30)
        os._exit(0)
    return child


def _can_signal(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""


def _find(file: str, text: str) -> str:
    for folder in Path("/proc").glob("[0-9]*"):
        # One's own does not count.
        if int(folder.name) != os.getpid() and text.encode() in _read(str(folder / file)):
            return folder.name
    raise LookupError("not found")
