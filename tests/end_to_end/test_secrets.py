"""Secrets that agents were given are found nowhere afterwards: not in a log, a database, an event, or Prefect."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import secrets
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import nats
import psutil
import pytest
from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId

AGENT = Path(__file__).parent / "agents" / "leaking"
ACTIONS = ("print", "log", "dribble", "raise", "crash", "return", "return-encoded", "save", "name")
LEAKED = {"raise", "return", "return-encoded", "save", "name"}
"""Routes by which a secret would become data: the node fails for it."""


def leaking() -> Any:
    """The agent's module, for its names and encodings."""
    spec = importlib.util.spec_from_file_location("leaking_agent", AGENT / "agent.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def canaries(platform: Any) -> dict[str, str]:
    """Twenty secrets, given as files, as container platforms mount them."""
    folder = platform.state / "secrets"
    folder.mkdir(exist_ok=True)
    made = {name: f'{secrets.token_hex(9)}&"+/ {secrets.token_hex(4)}' for name in leaking().NAMES}
    for name, value in made.items():
        (folder / name).write_text(value)
    return made


async def test_twenty_secrets_in_twenty_encodings_by_every_route_are_found_nowhere(
    platform: Any, canaries: dict[str, str], watch: Any, connection: Any, tmp_path: Path
) -> None:
    platform.cli("agents", "register", str(AGENT))
    nodes = "".join(f"  - {{id: {each}, agent: leaking, action: {each}, inputs: {{}}}}\n" for each in ACTIONS)
    (tmp_path / "leaking.yaml").write_text(f"name: leaking\nnodes:\n{nodes}")
    platform.cli("deploy", str(tmp_path / "leaking.yaml"))
    client = await nats.connect(platform.addresses.nats_url)
    heard: list[bytes] = []

    async def hear(message: Any) -> None:
        heard.append(message.data)

    await client.subscribe(">", cb=hear)
    platform.cli("trigger", "leaking", "--context", "marker=leak")
    detail = await watch.ended({"marker": "leak"}, seconds=120)
    shown = platform.cli("show", detail.run.id, "--json").stdout
    logs = await _logs_written(connection, detail.flow_run_id)
    await client.close()

    kinds = {each.node_id: each.failure_kind for each in detail.agent_runs}
    assert {node for node, kind in kinds.items() if kind == "leaked-secret"} == LEAKED, kinds
    assert (kinds["print"], kinds["log"], kinds["dribble"]) == (None, None, None)
    assert heard
    forms = _forms(canaries)
    assert len(forms) >= 20 * 20
    for form in forms:
        assert form not in shown.encode()
        assert not any(form in message for message in heard)
    assert any(log.message.endswith(" end") for log in logs), "the lines themselves were logged"
    places = _places(platform.state)
    for path, content in places.items():
        for form in forms:
            assert form not in content, path
    assert len(places) > 20


async def test_the_secret_of_a_mission_workflow_is_in_no_file_of_the_platform(
    platform: Any, change: Any, watch: Any, connection: Any
) -> None:
    waiting = await watch.waiting(change.key)
    told = [each for each in waiting.agent_runs if each.agent_name == "notifier"]
    assert [each.status for each in told] == ["SUCCESS"], "the secret was used"
    platform.cli("reject", waiting.run.id, "create-fix-pr", "--by", "kim")
    detail = await watch.ended(change.key)
    await _logs_written(connection, detail.flow_run_id)
    for path, content in _places(platform.state).items():
        for encode in leaking().ENCODINGS.values():
            assert encode(platform.canary).encode() not in content, path


def _forms(canaries: dict[str, str]) -> list[bytes]:
    module = leaking()
    found = {encode(value).encode() for value in canaries.values() for encode in module.ENCODINGS.values()}
    return sorted(found | {json.dumps(value)[1:-1].encode() for value in canaries.values()})


def _places(state: Path) -> dict[Path, bytes]:
    """Every file of the platform: databases, JetStream's store, logs, scratch. Not where the secrets are kept."""
    return {
        path: path.read_bytes()
        for path in state.rglob("*")
        if path.is_file() and not path.is_relative_to(state / "secrets")
    }


def _of(flow_run_id: str) -> LogFilter:
    return LogFilter(flow_run_id=LogFilterFlowRunId(any_=[UUID(flow_run_id)]))


async def _logs_written(connection: Any, flow_run_id: str) -> list[Any]:
    """All logs of a run. Prefect writes them in batches; the last line of a run tells its end."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        logs = await connection.prefect.read_logs(_of(flow_run_id), limit=200, offset=0)
        everything = list(logs)
        while len(logs) == 200:
            logs = await connection.prefect.read_logs(_of(flow_run_id), limit=200, offset=len(everything))
            everything += logs
        if any("Finished in state" in log.message and log.task_run_id is None for log in everything):
            return everything
        await asyncio.sleep(0.2)
    raise AssertionError("the run's logs were not written")


def test_only_the_worker_is_given_the_agents_secrets(platform) -> None:
    main = psutil.Process(platform.process.pid)
    given = {}
    for process in main.children():
        command = " ".join(process.cmdline())
        given[command] = any(platform.canary in value for value in process.environ().values())
    assert len(given) == 4, given
    assert [command for command, has in given.items() if has] == [
        command for command in given if "deployments.worker" in command
    ]


def test_what_the_platform_writes_is_for_its_owner_only(platform) -> None:
    private = [platform.state, *platform.state.glob("*.db*"), *platform.state.glob("prefect/*.db*")]
    private += [*platform.state.glob("logs/*"), *platform.state.glob("run/*"), platform.state / "stack.json"]
    assert len(private) > 8
    assert {str(each): oct(each.stat().st_mode & 0o777) for each in private if each.stat().st_mode & 0o077} == {}
