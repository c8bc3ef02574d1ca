"""One run -> bubblewrap's command line. Nothing secret and nothing of the inputs is in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from agents.sandbox.bubblewrap.host import AGENT_UID, HostView, parents
from agents.sandbox.port import ENVIRONMENT, AgentRequest


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What this run shows besides the host's part."""

    agent_folder: Path | None
    """At `/agent`; None: the agent is a module of the packages."""
    mounts: tuple[tuple[str, Path, bool], ...]
    """Name, what is shown, whether the agent gets a copy to write."""
    egress: tuple[Path, Path] | None = None
    """The proxy's socket, at `/jail/egress`: the only way out; and the file of names, at `/etc/hosts`."""
    low_ports: bool = False
    """The launcher has to listen on ports below 1024 on the agent's behalf."""


COPIES = "/jail/copies"
EGRESS = "/jail/egress"


def command(
    bwrap: Path,
    host: HostView,
    request: AgentRequest,
    shown: Shown,
    *,
    fds: tuple[int, int],
    namespace: int | None,
) -> list[str]:
    """The whole command. `fds`: order and report. `namespace`: a user namespace to enter instead of a new one."""
    return [
        str(bwrap),
        *_isolation(namespace, low_ports=shown.low_ports),
        *("--perms", "1777", "--size", str(request.limits.tmp_mb << 20), "--tmpfs", "/tmp"),
        *host.arguments,
        *_shown(request, shown),
        *("--chdir", "/tmp", "--remount-ro", "/", "--"),
        *(host.python, "-I", "-S", "-u", host.launcher, str(fds[0]), str(fds[1])),
    ]


def copies(shown: Shown) -> list[tuple[str, str]]:
    """What the launcher copies, for the agent to write."""
    return [(f"{COPIES}/{name}", f"/work/{name}") for name, _, writable in shown.mounts if writable]


def _isolation(namespace: int | None, *, low_ports: bool) -> list[str]:
    kept = ["CAP_SETPCAP", "CAP_NET_BIND_SERVICE"] if low_ports else []
    if namespace is None:
        users = ["--unshare-user", "--uid", str(AGENT_UID), "--gid", str(AGENT_UID)]
    else:
        # The launcher needs these to become the agent's user; it gives them up before anything else runs.
        users = ["--userns", str(namespace)]
        kept += ["CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"]
    return [
        *users,
        *("--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"),
        *("--hostname", "jail", "--die-with-parent", "--new-session", "--clearenv", "--cap-drop", "ALL"),
        *(argument for capability in dict.fromkeys(kept) for argument in ("--cap-add", capability)),
    ]


def _shown(request: AgentRequest, shown: Shown) -> list[str]:
    arguments = ["--perms", "0755", "--dir", "/work"]
    if shown.agent_folder is not None:
        arguments += ["--ro-bind", str(shown.agent_folder), "/agent"]
    if request.environment is not None:
        arguments += [*parents(ENVIRONMENT), "--ro-bind", str(request.environment), ENVIRONMENT]
    for name, source, writable in shown.mounts:
        if writable:
            target = f"{COPIES}/{name}"
            arguments += [*parents(target), "--ro-bind", str(source), target]
            arguments += [
                "--perms",
                "0777",
                "--size",
                str(request.limits.tmp_mb << 20),
                "--tmpfs",
                f"/work/{name}",
            ]
        else:
            arguments += ["--ro-bind", str(source), f"/work/{name}"]
    if shown.egress is not None:
        proxy, hosts = shown.egress
        arguments += [*parents(EGRESS), "--ro-bind", str(proxy), EGRESS, "--ro-bind", str(hosts), "/etc/hosts"]
    return arguments
