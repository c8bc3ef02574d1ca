# ruff: noqa: PTH108, PTH110, PTH123
"""Escapes from the limits of memory, processes, files, time and output."""

from __future__ import annotations

import mmap
import os
import resource
import sys
import time

from catalogue import Scene, probe

_MB = 1 << 20


@probe("use 900 MB of memory", alone=True)
def use_memory(scene: Scene) -> object:
    return len(bytearray(os.urandom(1024)) * (900 << 10))


@probe("use 900 MB in shared mappings", alone=True)
def use_shared_memory(scene: Scene) -> object:
    return _touch(mmap.mmap(-1, 900 * _MB, flags=mmap.MAP_SHARED | mmap.MAP_ANONYMOUS))


@probe("use 900 MB in four processes", alone=True)
def use_memory_in_processes(scene: Scene) -> object:
    children = [_holder(225) for _ in range(4)]
    for child in children:
        if os.waitpid(child, 0)[1] != 0:
            raise MemoryError("a child was ended")
    return "900 MB"


@probe("start 300 processes")
def start_processes(scene: Scene) -> object:
    started = 0
    for _ in range(300):
        if os.fork() == 0:
            time.sleep(10)
            os._exit(0)
        started += 1
    return started


@probe("open 1000 files")
def open_files(scene: Scene) -> object:
    return len([os.open("/dev/null", os.O_RDONLY) for _ in range(1000)])


@probe("write a file of 80 MB")
def write_large_file(scene: Scene) -> object:
    return _fill([f"/tmp/large-{os.getpid()}"], 80)


@probe("write 200 MB to /tmp")
def fill_tmp(scene: Scene) -> object:
    return _fill([f"/tmp/part-{os.getpid()}-{number}" for number in range(4)], 50)


@probe("write 200 MB to /dev/shm")
def fill_shared_memory(scene: Scene) -> object:
    return _fill([f"/dev/shm/part-{os.getpid()}-{number}" for number in range(4)], 50)


@probe("write 200 MB to the writable work folder")
def fill_work_folder(scene: Scene) -> object:
    return _fill([f"{scene['own']}/part-{os.getpid()}-{number}" for number in range(4)], 50)


@probe("leave a core file")
def leave_core_file(scene: Scene) -> object:
    resource.setrlimit(resource.RLIMIT_CORE, (_MB, _MB))
    return "allowed"


@probe("raise a limit", root=True)
def raise_limit(scene: Scene) -> object:
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    if hard == resource.RLIM_INFINITY:
        return "there is none"
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard + 1, hard + 1))
    return "raised"


@probe("lock memory", root=True)
def lock_memory(scene: Scene) -> object:
    import ctypes

    if ctypes.CDLL(None, use_errno=True).mlockall(3) != 0:
        raise OSError(ctypes.get_errno(), "mlockall")
    return "locked"


@probe("compute for 2 seconds where 1 is allowed", alone=True)
def use_processor(scene: Scene) -> object:
    end = time.process_time() + 2
    while time.process_time() < end:
        pass
    return "2 s"


@probe("sleep for 3 seconds where 2 are allowed", alone=True)
def use_time(scene: Scene) -> object:
    time.sleep(3)
    return "3 s"


@probe("write 10 MB of log", alone=True)
def flood_log(scene: Scene) -> object:
    for _ in range(160):
        sys.stderr.write("x" * 65_535 + "\n")
    sys.stderr.flush()
    return "10 MB"


def _fill(paths: list[str], megabytes: int) -> int:
    try:
        for path in paths:
            with open(path, "wb") as file:
                for _ in range(megabytes):
                    file.write(bytes(_MB))
    finally:
        for path in paths:
            if os.path.exists(path):
                os.unlink(path)
    return len(paths) * megabytes


def _touch(memory: mmap.mmap) -> int:
    for place in range(0, len(memory), 4096):
        memory[place] = 1
    return len(memory)


def _holder(megabytes: int) -> int:
    child = os.fork()
    if child == 0:
        _ = bytearray(os.urandom(1024)) * (megabytes << 10)
        time.sleep(1.5)
        os._exit(0)
    return child
