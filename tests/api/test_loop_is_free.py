"""The largest that may come in, over HTTP: no step on the server's event loop holds up the others for long."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
import uvicorn

from api import Person, create_app, token_digest
from compiler import ApprovalRule
from tests.support.loop_watch import LoopWatch, watched_loop

PEOPLE = {token_digest("ann-token"): Person(name="Ann", projectId=1)}

_CONTEXT = "context: {type: object, additionalProperties: {type: [array, integer, string, object]}}\n"
MOST_SECONDS = 0.25
"""Of processor time, in one step."""
TRIES = 3
"""Neighbours on the same core make a step longer now and then; one that computes too much does so in each try."""
LARGE = 470_000


def _deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


CONTEXTS: dict[str, dict[str, Any]] = {
    "numbers": {"list": list(range(60_000))},
    "keys": {f"key{number}": number for number in range(26_000)},
    "objects": {"list": [{"a": 1}] * 45_000},
    "text": {"text": "x" * LARGE},
    "escapes": {"text": "\x01" * (LARGE // 6)},
    "deep": {"list": [_deep(24)] * 2_500},
}


async def watched(act: Callable[[int], Awaitable[None]]) -> LoopWatch:
    """Do it, and again with other content if a step was too long; what was seen last."""
    for number in range(TRIES - 1):
        with watched_loop() as watch:
            await act(number)
        if watch.longest < MOST_SECONDS:
            return watch
    with watched_loop() as watch:
        await act(TRIES - 1)
    return watch


@pytest.fixture
async def ann(records: Any, launch: Any) -> AsyncIterator[httpx.AsyncClient]:
    """Of an API with the limits that it has by default."""
    server = uvicorn.Server(uvicorn.Config(create_app(records, PEOPLE, launch=launch), log_level="warning"))
    listening = socket.create_server(("127.0.0.1", 0))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    async with httpx.AsyncClient(
        base_url=address, headers={"Authorization": "Bearer ann-token"}, timeout=600
    ) as client:
        yield client
    server.should_exit = True
    await serving


async def test_large_contexts_start_runs(ann: httpx.AsyncClient, launch: Any, workflow_yaml: Any) -> None:
    text = workflow_yaml("large") + _CONTEXT
    assert (await ann.put("/workflows/large", content=text)).status_code < 300
    for kind, context in CONTEXTS.items():
        bodies = [json.dumps({"context": {**context, "number": number}}) for number in range(TRIES)]

        async def start(number: int, *, kind: str = kind, bodies: list[str] = bodies) -> None:
            head = {"Content-Type": "application/json"}
            answer = await ann.post("/workflows/large/runs", content=bodies[number], headers=head)
            assert answer.status_code == 202, (kind, answer.text)

        watch = await watched(start)
        assert watch.longest < MOST_SECONDS, (kind, watch.where)


async def test_large_cards_are_shown(ann: httpx.AsyncClient, records: Any, workflow_yaml: Any) -> None:
    saved = (await ann.put("/workflows/talk", content=workflow_yaml("talk"))).json()
    fields = {"trigger": "manual", "context": {}, "triggered_by": "Cid", "plan_digest": saved["planDigest"]}
    run = await records.start_run(flow_run_id="flow-1", **fields)
    diff = "--- a/x\n+++ b/x\n@@ -1,40000 +1,40000 @@\n" + "-old line\n+new line \u202e\n" * 14_000
    card: dict[str, Any] = {
        "agent": "speaker",
        "action": "shout",
        "inputs": {"text": diff, "list": list(range(20_000))},
        "proposals": [{"effect": "publish-branch", "request": {"patch": diff}, "output": {}}],
    }

    async def ask_and_show(number: int) -> None:
        other = {**card, "inputs": {**card["inputs"], "text": f"{number}{diff}"}}
        approval = await records.open_gate(
            run_id=run, node_id="shout", digest=f"sha256:{number}", card=other, rule=ApprovalRule()
        )
        for path in ("", "/slack-message", "?diff=yes"):
            answer = await ann.get(f"/approvals/{approval.id}{path}")
            assert answer.status_code == 200
        for path in ("/approvals", f"/runs/{run}"):
            answer = await ann.get(path)
            assert answer.status_code == 200

    watch = await watched(ask_and_show)
    assert watch.longest < MOST_SECONDS, watch.where
