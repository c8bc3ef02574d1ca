"""Two of Prefect's servers on one PostgreSQL, with Redis between them, and a worker on each."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from answering import wait_until_it_answers
from contenders.child import free_port

from deployments.stack.connection import connect_to

AGENT = Path(__file__).parents[2] / "bench" / "scale" / "agent"
_CONTEXT = {"type": "object", "required": ["number"], "properties": {"number": {"type": "integer"}}}
_RUNS = 8


@pytest.fixture
def two_servers(postgres_server: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The addresses of their APIs."""
    redis = shutil.which("redis-server")
    if redis is None:
        pytest.skip("no redis-server here: install Redis to run this")
    if importlib.util.find_spec("prefect_redis") is None:
        pytest.skip("prefect-redis is not installed: the extra `redis`")
    folder, port = tmp_path_factory.mktemp("redis"), free_port()
    database = postgres_server.create()
    env = {
        **os.environ,
        "PREFECT_API_DATABASE_CONNECTION_URL": postgres_server.url(database).replace(
            "postgresql://", "postgresql+asyncpg://"
        ),
        "PREFECT_MESSAGING_BROKER": "prefect_redis.messaging",
        "PREFECT_MESSAGING_CACHE": "prefect_redis.messaging",
        "PREFECT_SERVER_EVENTS_CAUSAL_ORDERING": "prefect_redis.ordering",
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect_redis.lease_storage",
        "PREFECT_REDIS_MESSAGING_HOST": "127.0.0.1",
        "PREFECT_REDIS_MESSAGING_PORT": str(port),
        "PREFECT_SERVER_DOCKET_URL": f"redis://127.0.0.1:{port}/1",
    }
    with ExitStack() as running:
        _start(
            running, [redis, "--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder), "--save", ""], env
        )
        urls = []
        for _ in range(2):  # one after the other: the first makes the tables
            at = free_port()
            server = [sys.executable, "-P", "-m", "deployments.prefect_server", "--port", str(at)]
            process = _start(running, server, {**env, "PREFECT_HOME": str(folder / str(at))})
            urls.append(f"http://127.0.0.1:{at}/api")
            wait_until_it_answers(f"{urls[-1]}/health", process)
        yield urls[0], urls[1]
    postgres_server.drop(database)


async def test_two_workers_share_runs_and_go_on_with_those_that_a_person_approves(
    two_servers: tuple[str, str], platform_with: Any, postgres_url: str, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setenv("COMMANDCENTER_WORKER_LIMIT", "1")
    platform = platform_with("--database-url", postgres_url, "--prefect-api-url", two_servers[0])
    platform.cli("agents", "register", str(AGENT))
    for name, action in (("quick", "count"), ("asked", "countIfAllowed")):
        node = {"id": "only", "agent": "counter", "action": action, "inputs": {"number": "{{ context.number }}"}}
        file = tmp_path / f"{name}.yaml"
        file.write_text(json.dumps({"name": name, "context": _CONTEXT, "nodes": [node]}))  # JSON is YAML
        platform.cli("deploy", str(file))
    with ExitStack() as running:
        env = {**platform.env, **_exported(platform.cli("env").stdout), "PREFECT_API_URL": two_servers[1]}
        second = [sys.executable, "-P", "-m", "deployments.worker", "--name", "second", "--limit", "1"]
        _start(running, second, env)
        async with connect_to(platform.addresses) as connection:
            for name, numbers in (("asked", range(2)), ("quick", range(_RUNS))):
                for number in numbers:
                    event = {"projectId": 1, "context": {"number": number}, "triggeredBy": "test"}
                    await platform.publish(f"workflow.trigger.{name}", event)
            waiting = await _until(connection, {"WAITING_APPROVAL": 2, "SUCCESS": _RUNS})
            for run in waiting:
                platform.cli("approve", run.id, "only")
            await _until(connection, {"SUCCESS": _RUNS + 2})
            found = [run for run in await connection.prefect.read_flow_runs(limit=200) if not run.auto_scheduled]
            assert {run.state_name for run in found} == {"Completed"}
            hosts = {str(run.infrastructure_pid).split("@")[0] for run in found}
            assert len(hosts) == 2, "each worker had some of them"


async def _until(connection: Any, wanted: dict[str, int], *, seconds: float = 400) -> list[Any]:
    """The runs of the first status that is wanted, once all are as wanted."""
    deadline = time.monotonic() + seconds
    while True:
        runs = await connection.records.runs(1, limit=50)
        by_status = {status: [run for run in runs if run.status == status] for status in wanted}
        if {status: len(found) for status, found in by_status.items()} == wanted:
            return next(iter(by_status.values()))
        assert time.monotonic() < deadline, [run.status for run in runs]
        await asyncio.sleep(0.5)


def _exported(script: str) -> dict[str, str]:
    pairs = (
        line.removeprefix("export ").partition("=") for line in script.splitlines() if line.startswith("export ")
    )
    return {name: shlex.split(value)[0] if value else "" for name, _, value in pairs}


def _start(running: ExitStack, command: list[str], env: dict[str, str]) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    running.callback(process.wait, 30)
    running.callback(process.terminate)
    return process
