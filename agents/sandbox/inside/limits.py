"""The numbers of an order -> resource limits, user id and capabilities of this process, for good."""

from __future__ import annotations

import ctypes
import os
import resource
import struct

from agents.sandbox.inside.seccomp import JailError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agents.sandbox.inside.order import LimitNumbers

NICENESS = 10
"""Of an agent's processes, which it cannot lower: runs start and go on while agents compute. Where the kernel shares a
processor by session (`sched_autogroup_enabled`, outside of containers), it makes no difference."""
_MB = 1 << 20
_PR_SET_DUMPABLE, _PR_CAPBSET_DROP, _PR_CAP_AMBIENT, _AMBIENT_CLEAR_ALL = 4, 24, 47, 4
_CAPABILITY_VERSION_3 = 0x20080522
_STACK_BYTES = 8 * _MB
_ADDRESS_SPARE_MB = 256
"""Room for mapped libraries and thread stacks that are reserved but hold no memory."""


def drop_privileges(uid: int | None) -> None:
    """Become `uid` (None: stay who we are) and give up every capability. Raises JailError or OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_CAP_AMBIENT, _AMBIENT_CLEAR_ALL, 0, 0, 0)
    for capability in range(64):
        libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    if libc.capset(header, bytes(24)) != 0:
        raise JailError(ctypes.get_errno(), "capabilities could not be given up")
    if os.geteuid() == 0 or os.getegid() == 0:
        raise JailError(0, "an agent must not run as root")


def set_dumpable(on: bool) -> None:
    """Whether other processes of the same user may look into this one."""
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, int(on), 0, 0, 0)


def restrict(limits: LimitNumbers, *, memory_counted: bool) -> dict[str, str]:
    """Enter the resource limits, and step back behind the platform.

    With `memory_counted` a cgroup holds the memory, and addresses are left roomy. Returns limit -> what enforces it.
    """
    os.nice(max(0, NICENESS - os.nice(0)))
    memory = limits["memory_mb"] * _MB
    addresses = memory * 4 + 4096 * _MB if memory_counted else memory + _ADDRESS_SPARE_MB * _MB
    wanted: list[tuple[int, int]] = [
        (resource.RLIMIT_AS, addresses),
        (resource.RLIMIT_DATA, memory),
        (resource.RLIMIT_CPU, limits["cpu_seconds"]),
        (resource.RLIMIT_NPROC, limits["processes"]),
        (resource.RLIMIT_NOFILE, limits["open_files"]),
        (resource.RLIMIT_FSIZE, limits["file_size_mb"] * _MB),
        (resource.RLIMIT_STACK, _STACK_BYTES),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
        (resource.RLIMIT_NICE, 0),
        (resource.RLIMIT_RTPRIO, 0),
    ]
    for which, value in wanted:
        hard = resource.getrlimit(which)[1]
        ceiling = value if hard == resource.RLIM_INFINITY else min(value, hard)
        if which == resource.RLIMIT_CPU:
            # The soft limit ends the agent with SIGXCPU, which says why; the hard one with SIGKILL.
            resource.setrlimit(which, (ceiling, ceiling + 1 if hard == resource.RLIM_INFINITY else ceiling))
        else:
            resource.setrlimit(which, (ceiling, ceiling))
    names = ("memory", "cpu", "processes", "open-files", "file-size", "core")
    return {name: "rlimit" for name in names if not (name == "memory" and memory_counted)}
