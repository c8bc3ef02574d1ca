"""Folders the agent may write -> a Landlock domain, where the kernel has it: a second limit besides the mounts."""

from __future__ import annotations

import ctypes
import os
import struct

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_VERSION = 1
_RULE_PATH_BENEATH, _RULE_NET_PORT = 1, 2
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE = 1 << 4 | 1 << 5
_MAKE_DEVICE = 1 << 6 | 1 << 11
_MAKE = 1 << 7 | 1 << 8 | 1 << 9 | 1 << 10 | 1 << 12
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_BIND_TCP, _CONNECT_TCP = 1, 2
_SCOPE_ABSTRACT_SOCKET, _SCOPE_SIGNAL = 1, 2
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


def abi() -> int:
    """Version of Landlock in this kernel; 0: none."""
    found = int(ctypes.CDLL(None, use_errno=True).syscall(_CREATE, None, ctypes.c_size_t(0), _VERSION))
    return max(found, 0)


def restrict_writes(
    folders: list[str], *, readable: list[str] | None = None, tcp_ports: list[int] | None = None
) -> str:
    """Allow writing below `folders` only (and reading below `readable`, connecting to `tcp_ports`, when given).

    Returns what holds, for the record; "" when the kernel has no Landlock or refuses it.
    """
    version = abi()
    if version == 0:
        return ""
    write = _WRITE_FILE | _REMOVE | _MAKE | _MAKE_DEVICE
    write |= _REFER if version >= 2 else 0
    write |= _TRUNCATE if version >= 3 else 0
    read = (_EXECUTE | _READ_FILE | _READ_DIR) if readable is not None else 0
    devices = _WRITE_FILE | (_TRUNCATE if version >= 3 else 0) | (read & _READ_FILE)
    if version >= 5:
        write |= _IOCTL_DEV
        devices |= _IOCTL_DEV
    net = _BIND_TCP | _CONNECT_TCP if version >= 4 and tcp_ports is not None else 0
    ruleset = _ruleset(version, write | read, net=net, scoped=_SCOPE_ABSTRACT_SOCKET if version >= 6 else 0)
    if ruleset < 0:
        return ""
    try:
        for folder in folders:
            _allow(ruleset, folder, (write | read) & ~_MAKE_DEVICE)
        for device in _DEVICES:
            _allow(ruleset, device, devices)
        for folder in readable or []:
            _allow(ruleset, folder, read)
        for port in tcp_ports or [] if net else []:
            rule = struct.pack("=QQ", _CONNECT_TCP | _BIND_TCP, port)
            ctypes.CDLL(None).syscall(_ADD, ruleset, _RULE_NET_PORT, rule, 0)
        entered = ctypes.CDLL(None).syscall(_RESTRICT, ruleset, 0) == 0
    finally:
        os.close(ruleset)
    return f"landlock {version}" if entered else ""


def shield_from_signals() -> bool:
    """From here on, signals reach only processes this one starts. False where the kernel cannot."""
    if abi() < 6:
        return False
    ruleset = _ruleset(6, 0, net=0, scoped=_SCOPE_SIGNAL)
    if ruleset < 0:
        return False
    try:
        return ctypes.CDLL(None).syscall(_RESTRICT, ruleset, 0) == 0
    finally:
        os.close(ruleset)


def _ruleset(version: int, files: int, *, net: int, scoped: int) -> int:
    words = [files]
    if version >= 4:
        words.append(net)
    if version >= 6:
        words.append(scoped)
    attributes = struct.pack(f"={len(words)}Q", *words)
    return int(ctypes.CDLL(None, use_errno=True).syscall(_CREATE, attributes, ctypes.c_size_t(len(attributes)), 0))


def _allow(ruleset: int, path: str, access: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        # A rule for a plain file may only name what can be done to a file.
        if not os.path.isdir(path):  # noqa: PTH112 - pathlib is slow to import in here
            access &= _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
        rule = struct.pack("=Qi", access, handle)
        ctypes.CDLL(None).syscall(_ADD, ruleset, _RULE_PATH_BENEATH, rule, 0)
    finally:
        os.close(handle)
