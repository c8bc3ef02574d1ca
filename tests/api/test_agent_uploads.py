"""An agent's folder over HTTP: asked for its manifest in the real jail, reviewed, registered as it was reviewed."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import uvicorn

from agents.sandbox.choice import open_sandbox
from api import Person, create_app, token_digest

CODE = """\
from pydantic import BaseModel

from agents.sdk import Agent, Context

agent = Agent(name="greeter", type="SCRIPT", version="{version}", risk="AUTO", description="Greets."{more})


class Who(BaseModel):
    name: str


@agent.action("greet", description="Greet somebody by name")
def greet(who: Who, context: Context) -> Who:
    return who
"""


def folder(version: str = "1.0.0", more: str = "") -> dict[str, str]:
    return {"agent.py": CODE.format(version=version, more=more), "words/hello.txt": "hello"}


@pytest.fixture
async def ann(records: Any) -> AsyncIterator[httpx.AsyncClient]:
    """An admin, of an API that has the jail."""
    people = {token_digest("ann-token"): Person(name="Ann", projectId=1)}
    app = create_app(records, people, sandbox=open_sandbox)
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    headers = {"Authorization": "Bearer ann-token"}
    address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=120) as client:
        yield client
    server.should_exit = True
    await serving


@pytest.mark.jail
async def test_a_folder_is_reviewed_and_registered_as_it_was_reviewed(
    ann: httpx.AsyncClient, records: Any
) -> None:
    body: dict[str, Any] = {"files": folder(more=', network=["example.org:443"]')}
    review = (await ann.post("/agents/review", json=body)).json()
    assert (review["agent"]["name"], review["replaces"], review["raised"]) == ("greeter", None, ["greet"])
    assert "reaches example.org:443" in review["secondPerson"]
    assert "greeter" not in (await records.catalogue(1)).agents  # a review keeps nothing
    changed = {"files": folder("1.0.1"), "codeDigest": review["codeDigest"]}
    refused = await ann.post("/agents/upload", json=changed)
    assert refused.status_code == 422
    assert "not those that were reviewed" in refused.json()["detail"]
    done = await ann.post("/agents/upload", json=body | {"codeDigest": review["codeDigest"]})
    assert done.status_code == 201
    assert done.json()["actions"][0]["risk"] == "APPROVAL_REQUIRED"
    [spec] = [each for each in await records.agents(1) if each.name == "greeter"]
    assert spec.code_digest == review["codeDigest"]
    assert await records.bundle(spec.code_digest)

    next_one = (await ann.post("/agents/review", json={"files": folder("1.1.0")})).json()
    assert (next_one["replaces"], next_one["lowered"]) == ("1.0.0", ["greeter.greet"])
    body = {"files": folder("1.1.0"), "codeDigest": next_one["codeDigest"]}
    assert (await ann.post("/agents/upload", json=body)).status_code == 409


@pytest.mark.jail
async def test_what_is_no_agent_is_refused_with_a_reason(ann: httpx.AsyncClient) -> None:
    for files, said in (
        ({"../agent.py": "x"}, "no path inside"),
        ({"/etc/agent.py": "x"}, "no path inside"),
        ({"a//agent.py": "x"}, "no path inside"),
        ({"other.py": "x"}, "neither of agent.py"),
        ({"agent.py": "raise SystemExit(3)"}, "did not describe itself"),
    ):
        answer = await ann.post("/agents/review", json={"files": files})
        assert answer.status_code == 422, files
        assert said in answer.json()["detail"], answer.json()
        assert "/tmp" not in answer.json()["detail"]


async def test_an_agent_tells_how_it_has_run_and_who_uses_it(ann: httpx.AsyncClient, records: Any) -> None:
    assert (await ann.get("/agents/speaker/history")).json()["health"] == "no runs yet"
    for number, status in enumerate(("SUCCESS", "SUCCESS", "FAILED")):
        started, _ = await records.start_attempt(
            agent_name="speaker", inputs={}, project_id=1, agent_version=f"1.{number // 2}.0", action="say"
        )
        await records.finish_agent_run(
            started, status=status, duration_ms=5, failure_kind="crash" if number else None
        )
    found = (await ann.get("/agents/speaker/history")).json()
    assert found["health"] == "fails sometimes"
    assert {each["version"]: (each["runs"], each["failed"]) for each in found["versions"]} == {
        "1.1.0": (1, 1),
        "1.0.0": (2, 0),
    }
    assert len(found["recent"]) == 3
    assert (await ann.get("/agents/none/history")).status_code == 404
