# ruff: noqa: PTH108, PTH123, PTH208, PTH211
"""Escapes through files, links, devices, /proc and descriptors."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from catalogue import Scene, probe


@probe("read a file of the host")
def read_host_file(scene: Scene) -> object:
    return Path(scene["canary"]).read_text()


@probe("read the host's password hashes", root=True)
def read_shadow(scene: Scene) -> object:
    return len(Path("/etc/shadow").read_bytes())


@probe("read the host's users")
def read_host_users(scene: Scene) -> object:
    users = Path("/etc/passwd").read_text()
    if scene["host_user"] not in users:
        raise LookupError("these are not the host's users")
    return "the host's /etc/passwd"


@probe("list root's home", root=True)
def list_root_home(scene: Scene) -> object:
    # The way to an interpreter below it may be there; what lies beside it may not.
    found = set(os.listdir("/root")) - set(Path(sys.base_prefix).parts)
    if not found:
        raise LookupError("nothing there")
    return found


@probe("list the home folders")
def list_homes(scene: Scene) -> object:
    return len(os.listdir("/home"))


@probe("read the sandbox's own folders and those of other runs")
def find_other_runs(scene: Scene) -> object:
    return os.listdir(scene["other_run"])


@probe("follow a symbolic link to the host")
def follow_symbolic_link(scene: Scene) -> object:
    link = f"/tmp/link-{os.getpid()}"
    os.symlink(scene["canary"], link)
    try:
        return Path(link).read_text()
    finally:
        os.unlink(link)


@probe("make a hard link to a file of the host")
def make_hard_link(scene: Scene) -> object:
    link = f"{scene['canary']}.{os.getpid()}"
    os.link(scene["canary"], link)
    os.unlink(link)
    return link


@probe("reach the host through the root folder of another process")
def through_root_of_a_process(scene: Scene) -> object:
    for folder in Path("/proc").glob("[0-9]*/root"):
        if int(folder.parent.name) != os.getpid():
            try:
                return (folder / scene["canary"].lstrip("/")).read_text()
            except OSError:
                continue
    raise LookupError("none leads there")


@probe("reach the host through /proc/self/root and ..")
def through_own_root(scene: Scene) -> object:
    return Path("/proc/self/root/../../.." + scene["canary"]).read_text()


@probe("reach the host through the working folder of another process")
def through_working_folder(scene: Scene) -> object:
    for folder in Path("/proc").glob("[0-9]*/cwd"):
        try:
            return (folder / ("../" * 12) / scene["canary"].lstrip("/")).read_text()
        except OSError:
            continue
    raise LookupError("none leads there")


@probe("read a descriptor inherited from the host")
def inherited_descriptor(scene: Scene) -> object:
    for number in os.listdir("/proc/self/fd"):
        try:
            if scene["secret"].encode() in os.pread(int(number), 4096, 0):
                return f"descriptor {number}"
        except OSError:
            continue
    raise LookupError("no descriptor of the host")


@probe("leave through a folder descriptor inherited from the host")
def inherited_folder(scene: Scene) -> object:
    for number in os.listdir("/proc/self/fd"):
        try:
            handle = os.open("../" * 12 + scene["canary"].lstrip("/"), os.O_RDONLY, dir_fd=int(number))
        except OSError:
            continue
        return os.read(handle, 100)
    raise LookupError("no folder of the host")


@probe("write to /usr", root=True)
def write_to_usr(scene: Scene) -> object:
    return _write_and_remove(f"/usr/probe-{os.getpid()}")


@probe("write to /etc", root=True)
def write_to_etc(scene: Scene) -> object:
    return _write_and_remove(f"/etc/probe-{os.getpid()}")


@probe("write to the root folder", root=True)
def write_to_root(scene: Scene) -> object:
    return _write_and_remove(f"/probe-{os.getpid()}")


@probe("write to the agent's own code")
def write_to_own_code(scene: Scene) -> object:
    return _write_and_remove(str(Path(__file__).parent / f"probe-{os.getpid()}"))


@probe("plant a module among the installed packages")
def plant_module(scene: Scene) -> object:
    import pydantic

    return _write_and_remove(str(Path(pydantic.__file__).parent.parent / f"probe_{os.getpid()}.py"))


@probe("write to a read-only repository")
def write_to_repository(scene: Scene) -> object:
    return _write_and_remove(f"{scene['repository']}/probe")


@probe("plant a git hook in a read-only repository")
def plant_git_hook(scene: Scene) -> object:
    return _write_and_remove(f"{scene['repository']}/.git/hooks/post-checkout")


@probe("plant git configuration in a read-only repository")
def plant_git_config(scene: Scene) -> object:
    with open(f"{scene['repository']}/.git/config", "a") as file:
        file.write("[core]\n\tfsmonitor = touch /tmp/owned\n")
    return "core.fsmonitor"


@probe("use another user's rights of a set-user-id program")
def set_user_id_program(scene: Scene) -> object:
    if os.statvfs("/usr").f_flag & os.ST_NOSUID:
        raise PermissionError("mounted nosuid")
    return "set-user-id counts"


@probe("make a device", root=True)
def make_device(scene: Scene) -> object:
    place = f"/tmp/device-{os.getpid()}"
    os.mknod(place, 0o020666, os.makedev(1, 3))
    os.unlink(place)
    return "a device"


@probe("read the kernel's messages", root=True)
def kernel_messages(scene: Scene) -> object:
    os.close(os.open("/dev/kmsg", os.O_RDONLY))
    return "/dev/kmsg"


@probe("open a disk", root=True)
def open_disk(scene: Scene) -> object:
    os.close(os.open(scene["disk"], os.O_RDONLY))
    return scene["disk"]


@probe("read /sys")
def read_sys(scene: Scene) -> object:
    return os.listdir("/sys/class/net")


@probe("see the host's control groups")
def see_control_groups(scene: Scene) -> object:
    return os.listdir("/sys/fs/cgroup")


@probe("read the machine's memory through /proc/kcore", root=True)
def read_kcore(scene: Scene) -> object:
    return _some("/proc/kcore")


@probe("read the kernel's symbols")
def read_kernel_symbols(scene: Scene) -> object:
    return _some("/proc/kallsyms")


@probe("read the kernel's command line")
def read_kernel_command_line(scene: Scene) -> object:
    return _some("/proc/cmdline")


@probe("change a kernel setting", root=True)
def change_kernel_setting(scene: Scene) -> object:
    os.close(os.open("/proc/sys/kernel/core_pattern", os.O_WRONLY))
    return "core_pattern"


@probe("press SysRq", root=True)
def press_sysrq(scene: Scene) -> object:
    os.close(os.open("/proc/sysrq-trigger", os.O_WRONLY))
    return "sysrq-trigger"


@probe("change how the kernel treats this process (/proc/self)")
def change_own_process(scene: Scene) -> object:
    Path("/proc/self/oom_score_adj").write_text("500")
    return "oom_score_adj"


@probe("make a terminal")
def make_terminal(scene: Scene) -> object:
    return os.openpty()


def _write_and_remove(path: str) -> str:
    with open(path, "w") as file:
        file.write("was here")
    os.unlink(path)
    return path


def _some(path: str) -> str:
    with open(path, "rb") as file:
        if not file.read(64).strip():
            raise LookupError("empty")
    return path
