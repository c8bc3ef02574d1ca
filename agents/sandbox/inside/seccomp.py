"""The jail's list of refused system calls -> a classic BPF program, loaded for this process and its children.

Assembled by hand, because a jail should not need a C library beyond libc. The filter's default is to allow: what
counts is what it refuses (see `syscalls.py`), on top of namespaces, capabilities and limits.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct

from agents.sandbox.inside import syscalls

_LOAD, _JEQ, _JGE, _JSET, _AND, _RET = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_ARCHES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
_X32 = 0x40000000
_NEW_NAMESPACES = 0x7E020000
"""CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET; NEWTIME only exists for unshare and clone3."""
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_AF_UNIX, _AF_INET, _AF_INET6 = 1, 2, 10
_SOCK_RAW, _SOCK_PACKET, _SOCK_TYPE_MASK = 3, 10, 0xF
_PERSONALITIES = (0, 0xFFFFFFFF)
_NR, _ARCH, _ARGS = 0, 4, 16
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _MODE_FILTER = 38, 22, 2

_Code = list[tuple[int, int, int, int]]


class JailError(OSError):
    """A limit of the jail could not be entered; the agent must not be started."""


def program(machine: str, *, network: bool) -> bytes:
    """The filter for `machine` (as `os.uname` names it); with `network` it allows IP sockets. Raises JailError."""
    if machine not in _ARCHES:
        raise JailError(errno.ENOSYS, f"no system call filter for the architecture {machine!r}")
    arch, column = _ARCHES[machine]
    code: _Code = [
        _load(_ARCH),
        (_JEQ, 1, 0, arch),
        (_RET, 0, 0, _KILL),
        _load(_NR),
    ]
    if machine == "x86_64":
        code += [(_JGE, 0, 1, _X32), _refuse(errno.ENOSYS)]
    code += [(_JGE, 0, 1, syscalls.LAST_KNOWN + 1), _refuse(errno.ENOSYS)]
    code += _when(syscalls.CLONE3[column], [_refuse(errno.ENOSYS)])
    for numbers in syscalls.REFUSED.values():
        if numbers[column] >= 0:
            code += [(_JEQ, 0, 1, numbers[column]), _refuse(errno.EPERM)]
    code += _arguments(column, network=network)
    code.append((_RET, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *line) for line in code)


def load(filter_program: bytes) -> None:
    """Enter the filter, for good. Raises JailError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise JailError(ctypes.get_errno(), "no-new-privs was refused")
    buffer = ctypes.create_string_buffer(filter_program, len(filter_program))
    header = struct.pack("@HP", len(filter_program) // 8, ctypes.addressof(buffer))
    if libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, header, 0, 0) != 0:
        number = ctypes.get_errno()
        raise JailError(number, f"the system call filter was refused: {os.strerror(number)}")


def _arguments(column: int, *, network: bool) -> _Code:
    """The calls that depend on an argument. The kernel ignores the high half of a 32-bit one, and so does this."""
    families = [_AF_UNIX, _AF_INET, _AF_INET6] if network else [_AF_UNIX]
    # clone: no new namespace.
    code = _when(
        syscalls.CLONE[column],
        [_argument(0), (_JSET, 0, 1, _NEW_NAMESPACES), _refuse(errno.EPERM), (_RET, 0, 0, _ALLOW)],
    )
    code += _when(
        syscalls.IOCTL[column],
        [
            _argument(1),
            (_JEQ, 1, 0, _TIOCSTI),
            (_JEQ, 0, 1, _TIOCLINUX),
            _refuse(errno.EPERM),
            (_RET, 0, 0, _ALLOW),
        ],
    )
    for call in (syscalls.SOCKET, syscalls.SOCKETPAIR):
        code += _when(call[column], [_argument(0), *_only(families, errno.EAFNOSUPPORT), *_no_raw_sockets()])
    code += _when(
        syscalls.PERSONALITY[column], [_argument(0), *_only(_PERSONALITIES, errno.EPERM), (_RET, 0, 0, _ALLOW)]
    )
    return code


def _no_raw_sockets() -> _Code:
    return [
        _argument(1),
        (_AND, 0, 0, _SOCK_TYPE_MASK),
        (_JEQ, 1, 0, _SOCK_RAW),
        (_JEQ, 0, 1, _SOCK_PACKET),
        _refuse(errno.EPERM),
        (_RET, 0, 0, _ALLOW),
    ]


def _only(values: tuple[int, ...] | list[int], number: int) -> _Code:
    """Go on when the loaded word is one of `values`; otherwise answer with the error."""
    return [*((_JEQ, len(values) - i, 0, value) for i, value in enumerate(values)), _refuse(number)]


def _when(number: int, body: _Code) -> _Code:
    return [(_JEQ, 0, len(body), number), *body]


def _load(offset: int) -> tuple[int, int, int, int]:
    return (_LOAD, 0, 0, offset)


def _argument(index: int) -> tuple[int, int, int, int]:
    return _load(_ARGS + 8 * index)


def _refuse(number: int) -> tuple[int, int, int, int]:
    return (_RET, 0, 0, _ERRNO | number)
