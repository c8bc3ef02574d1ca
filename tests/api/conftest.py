"""The API over real HTTP, with real records on SQLite."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
import uvicorn

from api import Person, create_app, token_digest
from compiler import ActionSpec, AgentSpec, ApprovalRule
from records import Approval, Records
from triggers.in_memory import MemoryLaunch

TEXT = {
    "type": "object",
    "properties": {"text": {"type": "string"}},
    "required": ["text"],
    "additionalProperties": False,
}
WORKFLOW = """\
name: {name}
trigger:
  event: graph.file.updated
nodes:
  - id: speak
    agent: speaker
    action: say
    inputs: {{text: hello}}
  - id: shout
    agent: speaker
    action: shout
    inputs: {{text: "{{{{ nodes.speak.output.text }}}}"}}
    dependsOn: [speak]
"""
PEOPLE = {
    token_digest("ann-token"): Person(name="Ann", projectId=1),
    token_digest("bob-token"): Person(name="Bob", projectId=1),
    token_digest("eve-token"): Person(name="Eve", projectId=2),
}


@pytest.fixture
def speaker() -> AgentSpec:
    actions = {
        "say": ActionSpec(name="say", input_schema=TEXT, output_schema=TEXT),
        "shout": ActionSpec(name="shout", risk="APPROVAL_REQUIRED", input_schema=TEXT, output_schema=TEXT),
    }
    entry = "agents.builtin.speaker"
    return AgentSpec(name="speaker", type="RULE", version="1.0.0", risk="AUTO", entry_path=entry, actions=actions)


@pytest.fixture
def workflow_yaml() -> Callable[[str], str]:
    return lambda name: WORKFLOW.format(name=name)


@pytest.fixture
async def records(migrated_url, speaker) -> AsyncIterator[Records]:
    async with await Records.open(migrated_url) as records:
        await records.register_agent(1, speaker)
        yield records


@pytest.fixture
def launch() -> MemoryLaunch:
    return MemoryLaunch()


@pytest.fixture
def resumed() -> list[str]:
    """Flow runs that the API woke."""
    return []


@pytest.fixture
async def address(records, launch, resumed, tmp_path) -> AsyncIterator[str]:
    async def resume(flow_run_id: str) -> str:
        resumed.append(flow_run_id)
        return "resumed"

    app = create_app(
        records, PEOPLE, launch=launch, resume=resume, agent_folders=[tmp_path / "agents"], max_body_bytes=200_000
    )
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    listening = socket.create_server(("127.0.0.1", 0))
    # Connections wait in the socket's queue until the server takes them.
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    await serving


@pytest.fixture
async def as_person(address) -> AsyncIterator[Callable[[str | None], httpx.AsyncClient]]:
    """A client that shows the person's token."""
    clients: list[httpx.AsyncClient] = []

    def as_person(name: str | None) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {name}-token"} if name else {}
        clients.append(httpx.AsyncClient(base_url=address, headers=headers, timeout=60))
        return clients[-1]

    yield as_person
    for client in clients:
        await client.aclose()


@pytest.fixture
def ann(as_person) -> httpx.AsyncClient:
    return as_person("ann")


@pytest.fixture
def eve(as_person) -> httpx.AsyncClient:
    """Of another project."""
    return as_person("eve")


@pytest.fixture
def ask(ann, records, workflow_yaml) -> Callable[..., Awaitable[Approval]]:
    """Opens a gate in a run that someone started."""

    async def ask(*, flow_run_id: str = "flow-1", triggered_by: str = "Cid", **rule: Any) -> Approval:
        saved = (await ann.put("/workflows/talk", content=workflow_yaml("talk"))).json()
        run = await records.start_run(
            flow_run_id=flow_run_id,
            plan_digest=saved["planDigest"],
            trigger="manual",
            context={"a": 1},
            triggered_by=triggered_by,
        )
        return await records.open_gate(
            run_id=run, node_id="shout", digest="sha256:1", card={"agent": "speaker"}, rule=ApprovalRule(**rule)
        )

    return ask
