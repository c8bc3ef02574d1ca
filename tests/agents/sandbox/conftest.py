"""A sandbox, and an agent in it that does what a test tells it to."""

import asyncio
import os
import textwrap
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agents.sandbox.bubblewrap.binary import find_bwrap
from agents.sandbox.bubblewrap.sandbox import BubblewrapSandbox
from agents.sandbox.choice import open_sandbox
from agents.sandbox.port import AgentRequest, AgentResult, Limits, LogLine, Sandbox

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


@pytest.fixture(params=["bubblewrap", "dagger"])
async def each_sandbox(request: pytest.FixtureRequest) -> AsyncIterator[Sandbox]:
    """Every backend that this machine has."""
    if request.param == "bubblewrap":
        yield request.getfixturevalue("sandbox")
        return
    sandbox: Sandbox = open_sandbox(request.param)
    try:
        if not os.environ.get("_EXPERIMENTAL_DAGGER_RUNNER_HOST"):
            pytest.skip("no Dagger engine: _EXPERIMENTAL_DAGGER_RUNNER_HOST is not set")
        report = await sandbox.check()
        if not report.available:
            pytest.skip(report.detail)
        yield sandbox
    finally:
        await sandbox.close()


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
