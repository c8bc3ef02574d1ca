"""A sandbox, and an agent in it that does what a test tells it to."""

import asyncio
import concurrent.futures
import os
import textwrap
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from agents.sandbox.bubblewrap.binary import find_bwrap
from agents.sandbox.bubblewrap.sandbox import BubblewrapSandbox
from agents.sandbox.choice import open_sandbox
from agents.sandbox.port import AgentRequest, AgentResult, Limits, LogLine, Sandbox, SandboxReport

SCRIPT_AGENT = Path(__file__).parent / "agents" / "script"
SCHEMA = {"type": "object", "required": ["said"], "properties": {"said": {}}, "additionalProperties": False}

Run = Callable[..., Awaitable[AgentResult]]


def _request(code: str, **changes: Any) -> AgentRequest:
    """A request that runs `code`."""
    fields: dict[str, Any] = {
        "run_id": "run",
        "node_id": "node",
        "entry_path": str(SCRIPT_AGENT),
        "action": "run",
        "inputs": {"code": textwrap.dedent(code)},
        "result_schema": SCHEMA,
        "limits": Limits(timeout_seconds=20),
    }
    return AgentRequest(**(fields | changes))


@pytest.fixture
def script_request() -> Callable[..., AgentRequest]:
    """Makes a request that runs code."""
    return _request


@pytest.fixture(scope="session")
def sandbox() -> Iterator[BubblewrapSandbox]:
    """One for all tests, as a worker has one for all runs."""
    if find_bwrap() is None:
        pytest.skip("no bubblewrap on this machine")
    sandbox = BubblewrapSandbox()
    yield sandbox
    asyncio.run(sandbox.close())


class _Elsewhere:
    """A sandbox whose session lives in the loop of a thread of its own, since each test has another loop."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def do(self, work: Coroutine[Any, Any, Any]) -> concurrent.futures.Future[Any]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def run(self, request: AgentRequest, *, on_log: Callable[[LogLine], None]) -> AgentResult:
        return await asyncio.wrap_future(self.do(self._sandbox.run(request, on_log=on_log)))

    async def describe(self, entry_path: str, *, environment: Path | None = None) -> AgentResult:
        return await asyncio.wrap_future(self.do(self._sandbox.describe(entry_path, environment=environment)))

    async def check(self) -> SandboxReport:
        return await asyncio.wrap_future(self.do(self._sandbox.check()))

    async def close(self) -> None:
        return

    def end(self) -> None:
        """Close the session and its thread."""
        self.do(self._sandbox.close()).result(60)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(60)
        self._loop.close()


@pytest.fixture(scope="session")
def dagger_sandbox() -> Iterator[Sandbox]:
    """One session with the engine for all tests, as a worker has one for all runs."""
    if not os.environ.get("_EXPERIMENTAL_DAGGER_RUNNER_HOST"):
        pytest.skip("no Dagger engine: _EXPERIMENTAL_DAGGER_RUNNER_HOST is not set")
    sandbox = _Elsewhere(open_sandbox("dagger"))
    try:
        report = asyncio.run(sandbox.check())
        if not report.available:
            pytest.skip(report.detail)
        yield sandbox
    finally:
        sandbox.end()


@pytest.fixture(params=["bubblewrap", "dagger"])
def each_sandbox(request: pytest.FixtureRequest) -> Sandbox:
    """Every backend that this machine has."""
    found: Sandbox = request.getfixturevalue("sandbox" if request.param == "bubblewrap" else "dagger_sandbox")
    return found


@pytest.fixture
def logs() -> list[LogLine]:
    return []


@pytest.fixture
def run(sandbox: Sandbox, logs: list[LogLine]) -> Run:
    """Runs code in the jail; the log is in `logs`."""

    async def run_code(code: str, **changes: Any) -> AgentResult:
        return await sandbox.run(_request(code, **changes), on_log=logs.append)

    return run_code


@pytest.fixture
def run_each(each_sandbox: Sandbox, logs: list[LogLine]) -> Run:
    """Runs code in the jail of every backend there is."""

    async def run_code(code: str, **changes: Any) -> AgentResult:
        return await each_sandbox.run(_request(code, **changes), on_log=logs.append)

    return run_code
