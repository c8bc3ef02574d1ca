"""The sandbox port: one agent execution as a request, its end as a result. Backends stand beside this file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from observability.traces.parts import AttemptPart

FailureKind = Literal[
    "sandbox-unavailable",  # no bwrap, no user namespaces, no engine: nothing was run
    "bad-request",  # unknown agent or action, missing secret, host not allowed, memory too small: nothing was run
    "invalid-input",  # the input does not fit the action's schema
    "invalid-output",  # malformed, or a result the schema forbids
    "exit",  # the agent ended with an error or a non-zero status
    "timeout",
    "memory",
    "output-limit",
    "leaked-secret",
    "cancelled",
    "transient",  # an error that the agent declared as transient; may be retried
]
ENVIRONMENT = "/jail/environment"
"""Where the jail shows the packages that an agent brings."""
RETRYABLE: frozenset[FailureKind] = frozenset({"transient", "timeout"})


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one execution may use. Defaults are the mission's."""

    memory_mb: int = 512
    timeout_seconds: float = 300
    cpu_seconds: int = 300
    processes: int = 128
    open_files: int = 256
    file_size_mb: int = 64
    tmp_mb: int = 128
    result_bytes: int = 4_000_000
    log_bytes: int = 1_000_000
    log_line_bytes: int = 8_192


@dataclass(frozen=True, kw_only=True)
class Mount:
    """A file or folder of the host, seen by the agent at `/work/<name>`."""

    name: str
    source: Path
    writable: bool = False
    """The agent gets a copy of its own that it may write; the source never changes."""


@dataclass(frozen=True, kw_only=True)
class AgentRequest:
    """One execution of one action."""

    run_id: str
    node_id: str
    attempt: int = 1
    entry_path: str
    """Dotted module, or absolute path of the agent's folder."""
    action: str
    inputs: Mapping[str, Any]
    """JSON object, as the agent is to see it (paths already those inside the jail)."""
    result_schema: Mapping[str, Any] | None
    """What the result must fit. None only for `describe`."""
    idempotency_key: str = ""
    propose: bool = False
    """The action has an effect: it only says what it would do."""
    execution_id: str = ""
    """Unique for each execution: where a backend caches, this keeps an execution from being answered by another."""
    limits: Limits = field(default_factory=Limits)
    network: tuple[str, ...] = ()
    """`host:port` the agent may reach through the egress proxy; empty: none."""
    secrets: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """Name -> value; reach the agent's environment only."""
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    """Non-secret environment of the agent."""
    traceparent: str = ""
    """W3C trace context of this execution, which the agent finds as `TRACEPARENT`; empty: there is no tracing."""
    mounts: tuple[Mount, ...] = ()
    environment: Path | None = None
    """Packages of the agent's own, made by `agents.environments`: seen at `ENVIRONMENT`, imported before ours."""


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """One line the agent logged, secrets already masked."""

    level: int
    """As in `logging`."""
    text: str


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """A file the agent saved, secrets already looked for."""

    name: str
    media_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class AgentFailure:
    """Why an execution failed."""

    kind: FailureKind
    message: str
    """One clear sentence, safe to show: what, which, how to fix it."""

    @property
    def retryable(self) -> bool:
        """Whether another attempt may succeed."""
        return self.kind in RETRYABLE


@dataclass(frozen=True, kw_only=True)
class AgentResult:
    """The end of an execution: exactly one of `output` and `failure` is set."""

    output: Any = None
    failure: AgentFailure | None = None
    artifacts: tuple[Artifact, ...] = ()
    duration_ms: int = 0
    exit_code: int | None = None
    log_tail: str = ""
    """The last lines logged, for the record."""
    parts: tuple[AttemptPart, ...] = ()
    """What happened within it, for the trace: as the agent told it, within bounds, or an effect."""
    memory_kb: int | None = None
    """What its largest process used at most; None where nothing ran, or it was ended from outside."""
    cpu_ms: int | None = None
    """Processor time of all its processes."""
    limits_held: Mapping[str, str] = field(default_factory=dict[str, str])
    """Limit -> what enforced it (`cgroup`, `rlimit`, `tmpfs`, `seccomp`, …)."""
    denied_egress: tuple[str, ...] = ()
    """`host:port` of connections the egress proxy refused."""

    @property
    def ok(self) -> bool:
        """Whether the agent succeeded and its output fits the schema."""
        return self.failure is None


@dataclass(frozen=True, kw_only=True)
class SandboxReport:
    """What a backend can do on this machine, for `commandcenter doctor`."""

    backend: str
    available: bool
    detail: str
    """Versions and what was found."""
    advice: str = ""
    """How to fix what is missing."""
    limits: Mapping[str, str] = field(default_factory=dict[str, str])


class Sandbox(Protocol):
    """Runs agents in a jail. Never raises for what an agent does; cancellation kills the whole process tree."""

    async def run(self, request: AgentRequest, *, on_log: Callable[[LogLine], None]) -> AgentResult:
        """Execute one action. Fails closed: no jail, no run."""
        ...

    async def describe(self, entry_path: str, *, environment: Path | None = None) -> AgentResult:
        """Ask an agent, inside the jail, for its manifest (JSON of `AgentSpec` as the output)."""
        ...

    async def check(self) -> SandboxReport:
        """What works here."""
        ...

    async def close(self) -> None:
        """Close sessions and end processes."""
        ...
