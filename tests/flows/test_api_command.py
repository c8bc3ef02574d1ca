"""`commandcenter api` as a process: it serves the platform it is given, and what it saves is deployed."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx

from api import token_digest
from compiler.catalogue import ActionSpec

WORKFLOW = """\
name: by-http
trigger: {event: graph.file.updated}
nodes:
  - {id: act, agent: worker-bee, action: act}
"""


def environment(tmp_path: Path, prefect_api: str) -> dict[str, str]:
    database = f"sqlite:///{tmp_path}/records.db"
    return os.environ | {"DATABASE_URL": database, "PREFECT_API_URL": prefect_api, "NATS_URL": "nats://-"}


def command(people: Path, port: int) -> list[str]:
    script = "from deployments.cli.main import main; main()"
    return [sys.executable, "-c", script, "api", "--people", str(people), "--port", str(port)]


def start(arguments: list[str], env: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(arguments, env=env)


async def answer(client: httpx.AsyncClient, process: subprocess.Popen[bytes]) -> None:
    for _ in range(400):
        assert process.poll() is None
        try:
            if (await client.get("/health")).is_success:
                return
        except httpx.TransportError:
            await asyncio.sleep(0.05)
    raise AssertionError("the API does not answer")


async def test_a_workflow_sent_to_the_api_is_deployed_and_can_be_started(
    bench: Any, prefect_api: str, tmp_path: Path
) -> None:
    schema = {"type": "object"}
    await bench.register("worker-bee", {"act": ActionSpec(name="act", input_schema=schema, output_schema=schema)})
    people = tmp_path / "people.json"
    people.write_text(json.dumps({token_digest("t"): {"name": "Ann", "projectId": 1}}))
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    process = start(command(people, port), environment(tmp_path, prefect_api))
    try:
        headers = {"Authorization": "Bearer t"}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30) as client:
            await answer(client, process)
            saved = await client.put("/workflows/by-http", content=WORKFLOW)
            assert (saved.status_code, saved.json()["deployed"]) == (200, True)
            context = {"repositoryPath": "/repo", "filePath": "a.py"}
            started = await client.post("/workflows/by-http/runs", json={"context": context})
            assert started.status_code == 202
        deployment = await bench.client.read_deployment_by_name("by-http/project-1")
        assert deployment.parameters["plan"] == saved.json()["planDigest"]
        flow_run = await bench.client.read_flow_run(started.json()["flowRunId"])
        assert flow_run.deployment_id == deployment.id
    finally:
        process.terminate()
        assert process.wait(15) == 0


def test_without_a_usable_list_of_people_nothing_is_served(tmp_path: Path, prefect_api: str) -> None:
    done = subprocess.run(
        command(tmp_path / "none.json", 1), env=environment(tmp_path, prefect_api), capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.startswith("commandcenter: the list of people")
