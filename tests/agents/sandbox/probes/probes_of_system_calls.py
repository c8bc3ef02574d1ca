"""Escapes by system call: each refused one is tried, with arguments that would do no harm where it is not."""

from __future__ import annotations

import ctypes
import mmap
import os
from typing import Any

from catalogue import Scene, probe, reaches_kernel, syscall

_X86 = os.uname().machine == "x86_64"
_NOWHERE = ctypes.c_void_p(0)
_BAD = ctypes.c_long(-1)
_TOO_MUCH = ctypes.c_ulong(0xFFFF0000)


@probe("make a user namespace")
def namespace_of_users(scene: Scene) -> object:
    return syscall(272 if _X86 else 97, 0x10000000)


@probe("make a network namespace", root=True)
def namespace_of_network(scene: Scene) -> object:
    return syscall(272 if _X86 else 97, 0x40000000)


@probe("make a mount namespace", root=True)
def namespace_of_mounts(scene: Scene) -> object:
    return syscall(272 if _X86 else 97, 0x00020000)


@probe("make a time namespace", root=True)
def namespace_of_time(scene: Scene) -> object:
    return syscall(272 if _X86 else 97, 0x00000080)


@probe("make a user namespace with clone")
def clone_into_namespace(scene: Scene) -> object:
    child = syscall(56 if _X86 else 220, ctypes.c_ulong(0x10000000 | 17), _NOWHERE, _NOWHERE, _NOWHERE, _NOWHERE)
    if child == 0:
        os._exit(0)
    return child


@probe("make a user namespace with clone3")
def clone3_into_namespace(scene: Scene) -> object:
    arguments = (ctypes.c_uint64 * 11)(0x10000000, 0, 0, 0, 17)
    child = syscall(435, ctypes.byref(arguments), ctypes.c_size_t(88))
    if child == 0:
        os._exit(0)
    return child


@probe("enter a namespace", root=True)
def enter_namespace(scene: Scene) -> object:
    handle = os.open("/proc/self/ns/net", os.O_RDONLY)
    return syscall(308 if _X86 else 268, handle, 0x40000000)


@probe("mount a file system", root=True)
def mount_file_system(scene: Scene) -> object:
    syscall(272 if _X86 else 97, 0x00020000)
    none, private = b"none", ctypes.c_ulong(1 << 18 | 16384)
    syscall(165 if _X86 else 40, none, b"/", none, private, _NOWHERE)
    return syscall(165 if _X86 else 40, none, b"/tmp", b"tmpfs", ctypes.c_ulong(0), _NOWHERE)


@probe("open a folder the old way out (chroot)", root=True)
def chroot(scene: Scene) -> object:
    return syscall(161 if _X86 else 51, b"/tmp")


@probe("stop randomising addresses (personality)")
def personality(scene: Scene) -> object:
    return syscall(135 if _X86 else 92, ctypes.c_ulong(0x0040000))


@probe("put characters into a terminal (TIOCSTI)")
def terminal_input(scene: Scene) -> object:
    return _ioctl(0x5412)


@probe("put characters into a terminal, with high bits set")
def terminal_input_with_high_bits(scene: Scene) -> object:
    return _ioctl(0x5412 | 1 << 32)


@probe("paste into a console (TIOCLINUX)")
def console_paste(scene: Scene) -> object:
    return _ioctl(0x541C)


@probe("paste into a console, with high bits set")
def console_paste_with_high_bits(scene: Scene) -> object:
    return _ioctl(0x541C | 1 << 40)


@probe("hide memory in an unnamed file")
def unnamed_file(scene: Scene) -> object:
    return syscall(319 if _X86 else 279, b"hidden", 0)


@probe("keep memory in a shared segment")
def shared_segment(scene: Scene) -> object:
    return reaches_kernel(29 if _X86 else 194, 0, ctypes.c_size_t(4096), 0o1600)


@probe("load a BPF program")
def load_bpf(scene: Scene) -> object:
    return reaches_kernel(321 if _X86 else 280, 9999, _NOWHERE, 0)


@probe("count events of the processor")
def count_events(scene: Scene) -> object:
    return reaches_kernel(298 if _X86 else 241, _NOWHERE, 0, -1, -1, ctypes.c_ulong(0))


@probe("use an io_uring")
def io_uring(scene: Scene) -> object:
    return reaches_kernel(425, 0, _NOWHERE)


if _X86:

    @probe("make a 32-bit system call")
    def old_system_call(scene: Scene) -> object:
        # mov eax, 20 (getpid); int 0x80; ret
        code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        code.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")
        address = ctypes.addressof(ctypes.c_char.from_buffer(code))
        answer = ctypes.CFUNCTYPE(ctypes.c_long)(address)()
        if answer != os.getpid():
            raise OSError(38, "the kernel has none")
        return answer


def _ioctl(request: int) -> str:
    return reaches_kernel(16 if _X86 else 29, 0, ctypes.c_ulong(request), _NOWHERE)


def _plain(name: str, what: str, numbers: tuple[int, int], *arguments: Any, root: bool) -> None:
    number = numbers[0 if _X86 else 1]

    def try_it(scene: Scene) -> object:
        return reaches_kernel(number, *arguments)

    try_it.__name__ = name
    if number >= 0:
        probe(what, root=root)(try_it)


# Name, what it would do, number on x86-64 and arm64, arguments that make no sense to the kernel, needs root.
_CALLS: list[tuple[str, str, tuple[int, int], tuple[Any, ...], bool]] = [
    ("umount", "take a mount away", (166, 39), (b"/no/such/place", 0), True),
    ("pivot_root", "change the root", (155, 41), (b"/no/such", b"/no/such"), True),
    ("open_tree", "copy a tree of mounts", (428, 428), (-1, b"no/such", 0), False),
    ("move_mount", "move a mount", (429, 429), (-1, b"no", -1, b"no", 0), True),
    ("fsopen", "open a file system by its name", (430, 430), (b"no-such-system", 0), True),
    ("mount_setattr", "make a mount writable", (442, 442), (-1, b"no", 0, _NOWHERE, ctypes.c_size_t(0)), False),
    ("userfaultfd", "handle page faults", (323, 282), (0x7FFFFFFF,), True),
    ("keyctl", "use the kernel's keys", (250, 219), (9999, 0, 0, 0, 0), False),
    ("add_key", "store a key in the kernel", (248, 217), (_NOWHERE, _NOWHERE, _NOWHERE, 0, 0), False),
    ("request_key", "ask for a key", (249, 218), (_NOWHERE, _NOWHERE, _NOWHERE, 0), False),
    ("init_module", "load a kernel module", (175, 105), (_NOWHERE, ctypes.c_ulong(0), b""), True),
    ("finit_module", "load a kernel module from a file", (313, 273), (-1, b"", 0), True),
    ("delete_module", "remove a kernel module", (176, 106), (b"no-such-module", 0x800), True),
    ("kexec_load", "start another kernel", (246, 104), (_NOWHERE, ctypes.c_ulong(999), _NOWHERE, _BAD), True),
    ("reboot", "reboot the machine", (169, 142), (0, 0, 0, _NOWHERE), True),
    ("swapon", "turn swap on", (167, 224), (b"/no/such/file", 0), True),
    ("swapoff", "turn swap off", (168, 225), (b"/no/such/file",), True),
    ("sethostname", "rename the host", (170, 161), (_NOWHERE, -1), True),
    ("setdomainname", "rename the domain", (171, 162), (_NOWHERE, -1), True),
    ("clock_settime", "set the clock", (227, 112), (9999, _NOWHERE), True),
    ("settimeofday", "set the time", (164, 170), (ctypes.c_void_p(1), _NOWHERE), True),
    ("clock_adjtime", "tune the clock", (305, 266), (9999, _NOWHERE), True),
    ("iopl", "use the machine's ports", (172, -1), (9,), True),
    ("ioperm", "use a port of the machine", (173, -1), (_TOO_MUCH, ctypes.c_ulong(1), 1), True),
    ("acct", "turn accounting on", (163, 89), (b"/no/such/file",), True),
    ("quotactl", "change disk quotas", (179, 60), (-1, b"/no/such", 0, _NOWHERE), True),
    ("kernel_log", "read the kernel's log by call", (103, 116), (10, _NOWHERE, 0), True),
    ("fanotify", "watch the files of all", (300, 262), (0x40000000, 0), True),
    ("name_to_handle", "name a file past its path", (303, 264), (-1, b"no", _NOWHERE, _NOWHERE, 0), False),
    ("open_by_handle", "open a file past its path", (304, 265), (-1, _NOWHERE, 0), True),
    ("process_madvise", "advise on another's memory", (440, 440), (-1, _NOWHERE, _BAD, 0, 0), False),
    ("kcmp", "compare kernel objects", (312, 272), (os.getpid(), os.getpid(), 0, 0, 0), False),
    ("move_pages", "move another's memory", (279, 239), (0, _BAD, _NOWHERE, _NOWHERE, _NOWHERE, 0), False),
    ("modify_ldt", "change the segment table", (154, -1), (99, _NOWHERE, ctypes.c_ulong(0)), False),
    ("message_queue", "keep data in a message queue", (68, 186), (0, 0o1600), False),
    ("semaphores", "keep semaphores", (64, 190), (0, -1, 0), False),
    ("posix_queue", "keep data in a POSIX queue", (240, 180), (b"", 0, 0, _NOWHERE), False),
]
for _entry in _CALLS:
    _plain(_entry[0], _entry[1], _entry[2], *_entry[3], root=_entry[4])
