"""This machine and its Python -> what of it the jail shows, as bubblewrap arguments.

Nothing is shown but what is listed here: the system's programs and libraries, the interpreter, the packages it
imports from and the rooms `agents` and `compiler`. Files that would tell of the host (users, names, resolvers) are
made afresh.
"""

from __future__ import annotations

import atexit
import compileall
import contextlib
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import agents
import compiler

AGENT_UID = 1000
"""Who the agent is, inside the jail; with user ids of our own, the first of them."""
_SYSTEM_FOLDERS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_ETC = (
    "alternatives",
    "ca-certificates",
    "fonts",
    "ld.so.cache",
    "localtime",
    "mime.types",
    "pki/ca-trust",
    "pki/tls/certs",
    "ssl/certs",
    "ssl/openssl.cnf",
)
_DEVICES = ("null", "zero", "full", "random", "urandom")
HIDDEN_PROC = ("cmdline", "kallsyms", "keys", "key-users", "modules")
"""What of /proc everybody may read and no agent needs. Each costs a mount; the rest only root may read."""
_LIB = "/jail/lib"
NOOP = f"{_LIB}/agents/sandbox/inside/noop.py"
"""A runner that does nothing, for trying whether a jail stands."""
_RUNNER = ("sdk", "runtime")
"""What each agent imports of `agents`."""
_VENV = "/jail/venv"
HOSTS = "127.0.0.1 localhost jail\n::1 localhost\n"
_FILES = {
    "etc/hosts": HOSTS,
    "etc/group": "root:x:0:\nagent:x:1000:\nnogroup:x:65534:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    "etc/resolv.conf": "",
    "etc/gitconfig": "[safe]\n\tdirectory = *\n[core]\n\thooksPath = /dev/null\n\tfsmonitor = false\n",
    "etc/hostname": "jail\n",
}


@dataclass(frozen=True, kw_only=True)
class HostView:
    """What every jail of this process shows of the host."""

    arguments: tuple[str, ...]
    """bubblewrap's, for the part that is the same in every run."""
    python: str
    """The interpreter, inside."""
    paths: tuple[str, ...]
    """What the agent may import from."""
    prefix: str
    """The virtual environment, inside; empty: none."""
    folder: Path
    """Where the made-up files lie; ends with the sandbox."""

    @property
    def launcher(self) -> str:
        """The launcher, inside."""
        return f"{_LIB}/agents/sandbox/inside/launcher.py"


def view(users: range) -> HostView:
    """Make the files and the list. `users`: ids an agent may have inside. The folder belongs to the caller."""
    folder = Path(tempfile.mkdtemp(prefix="commandcenter-jail-"))
    folder.chmod(0o755)
    # For a process that ends without closing its sandbox.
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    _write_files(folder, users)
    arguments = [*_system(), "--ro-bind", str(folder / "etc"), "/etc", *_devices(), *_proc()]
    base = Path(sys.base_exec_prefix).resolve()
    interpreter = Path(os.path.realpath(sys.executable))
    if not base.is_relative_to("/usr"):
        arguments += _bind(base, str(base))
    python, paths, prefix = str(interpreter), [_LIB], ""
    in_venv = f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
    if sys.prefix != sys.base_prefix:
        python, prefix = f"{_VENV}/bin/python", _VENV
        _write_venv(folder / "venv", interpreter, in_venv)
        arguments += _bind(folder / "venv", _VENV)
    for number, packages in enumerate(_package_folders()):
        if packages.is_relative_to("/usr") or packages.is_relative_to(base):
            inner = str(packages)
        else:
            inner = f"{_VENV}/{in_venv}" if packages.is_relative_to(sys.prefix) else f"/jail/packages/{number}"
            arguments += _bind(packages, inner)
        paths.append(inner)
    for room in (agents, compiler):
        there = Path(str(room.__file__)).parent.resolve()
        share_byte_code(there, *(there / name for name in _RUNNER if room is agents))
        arguments += _bind(there, f"{_LIB}/{room.__name__}")
    return HostView(arguments=tuple(arguments), python=python, paths=tuple(paths), prefix=prefix, folder=folder)


def environment(python_prefix: str, *, own: str = "") -> dict[str, str]:
    """The agent's environment, the same for every user of the sandbox. `own`: where its own packages are."""
    first = f"{own}/bin:" if own else ""
    first += f"{python_prefix}/bin:" if python_prefix else ""
    return {
        "HOME": "/tmp",
        "TMPDIR": "/tmp",
        "PATH": f"{first}/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "USER": "agent",
        "LOGNAME": "agent",
        "PYTHONPATH": f"{_LIB}:{own}" if own else _LIB,
        "PYTHONDONTWRITEBYTECODE": "1",
        "GIT_TERMINAL_PROMPT": "0",
    }


def parents(path: str) -> list[str]:
    """Arguments that make the folders above `path`, readable by the agent even if they are not on the host."""
    return [
        argument
        for folder in reversed(Path(path).parents[:-1])
        for argument in ("--perms", "0755", "--dir", str(folder))
    ]


def discard(host: HostView) -> None:
    """Remove the made-up files."""
    shutil.rmtree(host.folder, ignore_errors=True)


def _bind(source: Path, target: str) -> list[str]:
    return [*parents(target), "--ro-bind", str(source), target]


def _system() -> list[str]:
    arguments = ["--ro-bind", "/usr", "/usr"]
    for name in _SYSTEM_FOLDERS:
        path = Path("/", name)
        if path.is_symlink():
            arguments += ["--symlink", str(path.readlink()).lstrip("/"), str(path)]
        elif path.is_dir():
            arguments += ["--ro-bind", str(path), str(path)]
    return arguments


def _devices() -> list[str]:
    # Not bubblewrap's own --dev: it brings a /dev/shm without a size, terminals and a console.
    arguments = ["--perms", "0755", "--dir", "/dev"]
    for name in _DEVICES:
        arguments += ["--dev-bind", f"/dev/{name}", f"/dev/{name}"]
    for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        arguments += ["--symlink", f"/proc/self/fd{target}", f"/dev/{name}"]
    # Shared memory and semaphores of the agent's own processes, within the size of /tmp.
    return [*arguments, "--symlink", "/tmp", "/dev/shm"]


def _proc() -> list[str]:
    arguments = ["--proc", "/proc"]
    for name in HIDDEN_PROC:
        if Path("/proc", name).exists():
            arguments += ["--ro-bind", "/dev/null", f"/proc/{name}"]
    return [*arguments, "--remount-ro", "/proc"]


def _write_files(folder: Path, users: range) -> None:
    agent = "".join(f"agent{uid - AGENT_UID or ''}:x:{uid}:{uid}::/tmp:/usr/sbin/nologin\n" for uid in users)
    files = _FILES | {
        "etc/passwd": f"root:x:0:0::/:/usr/sbin/nologin\n{agent}nobody:x:65534:65534::/:/usr/sbin/nologin\n",
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    # Copies, made once: each would be another mount in every run.
    for name in _ETC:
        source, place = Path("/etc", name), folder / "etc" / name
        with contextlib.suppress(OSError, shutil.Error):
            if source.is_dir():
                shutil.copytree(source, place, symlinks=True)
            elif source.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, place)
    _open_to_all(folder)


def _write_venv(folder: Path, interpreter: Path, packages: str) -> None:
    (folder / "bin").mkdir(parents=True)
    (folder / packages).mkdir(parents=True)
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    for name in ("python", "python3", f"python{version}"):
        (folder / "bin" / name).symlink_to(interpreter)
    (folder / "pyvenv.cfg").write_text(f"home = {interpreter.parent}\ninclude-system-site-packages = false\n")
    _open_to_all(folder)


def share_byte_code(room: Path, *compiled: Path) -> None:
    """Let agents read the byte code below `room`, after making that of the folders `compiled` where it is missing.

    Most parts of the platform keep what they write to themselves, byte code of a checkout, too, and the jail can write
    none: each agent would compile the runner and the SDK anew. Where somebody else installed them nothing is changed.
    """
    if not sys.dont_write_bytecode:
        for folder in compiled:
            compileall.compile_dir(folder, quiet=2)
    for kept in room.rglob("__pycache__"):
        with contextlib.suppress(OSError):
            if not kept.is_symlink():
                _open_to_all(kept)


def _open_to_all(folder: Path) -> None:
    # Independent of the umask: the agent is another user.
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() else 0o644)


def _package_folders() -> list[Path]:
    """Where this process imports installed packages from."""
    folders = [Path(path) for path in dict.fromkeys(sys.path) if path.endswith(("site-packages", "dist-packages"))]
    return [folder for folder in folders if folder.is_dir()]
