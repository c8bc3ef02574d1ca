"""The sandbox port on Dagger: each run in a container of its own, with the same jail in it.

The image, the packages and the platform's code are layers that the engine keeps; the run itself has its own name
in the container's environment, so that it is never answered from a cache. Order, logs and result travel over Unix
sockets that the engine forwards; secrets go through Dagger's secrets.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from dagger import DaggerError

from agents.sandbox import admission, outcome
from agents.sandbox.agent_image import AgentImage, ImageRefused, read_agent_image
from agents.sandbox.bubblewrap import host
from agents.sandbox.bubblewrap.process import JailBroken
from agents.sandbox.dagger import container
from agents.sandbox.dagger.engine import EngineSession
from agents.sandbox.dagger.image import AgentImageMissing, EngineMissing, EngineSettings
from agents.sandbox.dagger.jail import ContainerJail
from agents.sandbox.dagger.session import reason, traced
from agents.sandbox.egress.proxy import EgressProxy
from agents.sandbox.egress.wiring import Wiring, wire
from agents.sandbox.inside.enter import CONTROL, LOG, SECRET_PREFIX
from agents.sandbox.inside.order import LaunchOrder
from agents.sandbox.leaks.masking import Masker
from agents.sandbox.log_lines import LogStream
from agents.sandbox.orders import attempts, order_for
from agents.sandbox.port import ENVIRONMENT, AgentFailure, AgentRequest, AgentResult, LogLine, SandboxReport
from agents.sandbox.report import JailRefused
from agents.sandbox.snapshot import show

if TYPE_CHECKING:
    import dagger

_FIRST_UID = 2_000_100_000
_UIDS = 100_000
_CLOSE_SECONDS = 5.0


class DaggerSandbox:
    """Runs agents in containers of a Dagger engine; one session for all runs."""

    def __init__(self, settings: EngineSettings) -> None:
        self._settings = settings
        self._engine = EngineSession(settings)
        self._lingering: set[asyncio.Task[None]] = set()
        """Containers that have ended, of which the engine has still to take note."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> DaggerSandbox:
        """As the COMMANDCENTER_DAGGER_… variables say."""
        return cls(EngineSettings.from_environment(environment))

    async def run(self, request: AgentRequest, *, on_log: Callable[[LogLine], None]) -> AgentResult:
        """Execute one action. Fails closed: no engine, no run."""
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
        """What works here: found by starting a jail in the engine."""
        probe = AgentRequest(
            run_id="check", node_id="check", entry_path="check", action="", inputs={}, result_schema=None
        )
        stream = LogStream(probe.limits, Masker({}), lambda line: None)
        try:
            async with self._jail(probe, "describe", stream=stream, runner=host.NOOP) as (jail, _):
                held = jail.held
        except (EngineMissing, JailBroken, JailRefused, DaggerError) as exc:
            return SandboxReport(
                backend="dagger", available=False, detail=reason(exc), advice=self._settings.advice
            )
        detail = f"image {self._settings.image!r}, engine {self._settings.where}"
        return SandboxReport(backend="dagger", available=True, detail=detail, limits=held)

    async def close(self) -> None:
        """Close the engine's session."""
        if self._lingering:
            await asyncio.wait(self._lingering, timeout=_CLOSE_SECONDS)
        await self._engine.close()

    async def _execute(self, request: AgentRequest, mode: str, on_log: Callable[[LogLine], None]) -> AgentResult:
        began = time.monotonic()
        refused = admission.refuse(request, own_images=True)
        if refused is not None:
            return AgentResult(failure=refused)
        masker = Masker(request.secrets)
        stream = LogStream(request.limits, masker, on_log)
        try:
            wanted = _wanted(request)
            with traced(request.traceparent):
                async with self._jail(request, mode, stream=stream, wanted=wanted) as (jail, proxy):
                    ending = await jail.attend(stream)
                    held, denied = jail.held, () if proxy is None else proxy.denied
            if ending.report is None and ending.stopped is None and await self._engine.is_gone():
                return _unavailable(f"the Dagger engine {self._settings.where} ended during the run")
        except (EngineMissing, JailBroken) as exc:
            return _unavailable(f"{reason(exc)}. {self._settings.advice}")
        except (ImageRefused, AgentImageMissing) as exc:
            return AgentResult(failure=AgentFailure(kind="bad-request", message=str(exc)))
        except JailRefused as exc:
            if exc.entered:
                return AgentResult(failure=AgentFailure(kind="bad-request", message=f"the jail: {exc}"))
            return _unavailable(f"the jail in the container: {exc}")
        except DaggerError as exc:
            return _unavailable(f"the Dagger engine {self._settings.where} failed: {reason(exc)}")
        return await asyncio.to_thread(
            outcome.judge, ending, request, masker, began=began, held=held, denied=denied
        )

    @contextlib.asynccontextmanager
    async def _jail(
        self,
        request: AgentRequest,
        mode: str,
        *,
        stream: LogStream,
        runner: str = "agents.runtime.runner",
        wanted: AgentImage | None = None,
    ) -> AsyncGenerator[tuple[ContainerJail, EgressProxy | None]]:
        async with contextlib.AsyncExitStack() as stack:
            scratch = Path(tempfile.mkdtemp(prefix=f"commandcenter-{os.getpid()}-"))
            stack.callback(shutil.rmtree, scratch, ignore_errors=True)
            wiring, proxy = wire(request.network), None
            if request.network:
                proxy = await stack.enter_async_context(
                    EgressProxy(scratch / "egress", request.network, attempts(stream))
                )
            shown = await asyncio.to_thread(_show, request, scratch)
            jail = ContainerJail(request.limits, scratch)
            stack.callback(self._linger, jail)
            await stack.enter_async_context(jail)
            client, base = await self._engine.base(wanted)
            built = _equip(client, base, request, wiring, shown, scratch)
            order = _order(request, mode=mode, wiring=wiring, runner=runner)
            await jail.start(
                built.with_exec(
                    container.command(self._settings.python_of(wanted), request, wiring),
                    insecure_root_capabilities=True,
                    no_init=True,
                ),
                order,
            )
            yield jail, proxy

    def _linger(self, jail: ContainerJail) -> None:
        remainder = jail.remainder()
        if remainder is not None:
            waiting = asyncio.create_task(remainder)
            self._lingering.add(waiting)
            waiting.add_done_callback(self._lingering.discard)


def _equip(
    client: dagger.Client,
    base: dagger.Container,
    request: AgentRequest,
    wiring: Wiring,
    shown: dict[str, Path],
    scratch: Path,
) -> dagger.Container:
    """The container of one run: its name, its sockets, its secrets and what the agent is shown."""
    here = client.host()
    built = (
        base.with_env_variable("COMMANDCENTER_EXECUTION", f"{request.run_id}/{request.node_id}/{request.attempt}")
        .with_env_variable("COMMANDCENTER_NONCE", secrets.token_hex(8))
        .with_unix_socket(CONTROL, here.unix_socket(str(scratch / "control")))
        .with_unix_socket(LOG, here.unix_socket(str(scratch / "log")))
    )
    if wiring.hosts:
        built = built.with_new_file(container.HOSTS, host.HOSTS + wiring.hosts, permissions=0o644)
    if request.network:
        # The agent is another user than the container's root.
        built = built.with_unix_socket(
            container.EGRESS, here.unix_socket(str(scratch / "egress")), owner="2000100000:2000100000"
        )
    for name, value in request.secrets.items():
        secret = client.set_secret(f"{scratch.name}-{name}", value)
        built = built.with_secret_variable(SECRET_PREFIX + name, secret)
    for place, source in shown.items():
        if source.is_dir():
            built = built.with_mounted_directory(place, here.directory(str(source)))
        else:
            built = built.with_mounted_file(place, here.file(str(source)))
    return built


def _wanted(request: AgentRequest) -> AgentImage | None:
    """The image of the agent's own, if it asks for one. Raises ImageRefused."""
    return read_agent_image(Path(request.entry_path)) if request.entry_path.startswith("/") else None


def _show(request: AgentRequest, scratch: Path) -> dict[str, Path]:
    """Place in the container -> what is there. Raises nothing: what is missing was refused before."""
    shown: dict[str, Path] = {}
    if request.entry_path.startswith("/"):
        shown[container.AGENT] = show(Path(request.entry_path), scratch / "agent", other_user=True)
    if request.environment is not None:
        shown[ENVIRONMENT] = request.environment
    for number, mount in enumerate(request.mounts):
        source = show(mount.source, scratch / f"mount-{number}", other_user=True)
        shown[f"{container.MOUNTS}/{mount.name}"] = source
    return shown


def _order(request: AgentRequest, *, mode: str, wiring: Wiring, runner: str) -> LaunchOrder:
    order = order_for(
        request,
        mode=mode,
        wiring=wiring,
        module=runner,
        entry_path=container.AGENT if request.entry_path.startswith("/") else request.entry_path,
        copies=container.copies(request),
        paths=[container.LIB, container.PACKAGES, container.OWN_PACKAGES],
        prefix="",
    )
    # A socket of the container's has one owner; everything else may have a user id of its own.
    uid = _FIRST_UID if request.network else _FIRST_UID + 1 + secrets.randbelow(_UIDS)
    # Secrets come by Dagger's own way.
    order["uid"], order["watch_memory"], order["secrets"] = uid, True, {}
    return order


def _unavailable(message: str) -> AgentResult:
    return AgentResult(failure=AgentFailure(kind="sandbox-unavailable", message=message))
