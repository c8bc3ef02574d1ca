"""What the API says when it has trouble of its own is no reason to end a run."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import httpx
import pytest
from prefect import flow
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_URL, PREFECT_LOGGING_TO_API_ENABLED, temporary_settings

from deployments.worker.engine import InProcessEngine
from deployments.worker.flow_loader import FlowNotRunnable
from deployments.worker.flow_thread import _report
from deployments.worker.run_client import RunClient
from deployments.worker.worker import CommandCenterWorker


@pytest.mark.parametrize(
    ("error", "crashed"), [(httpx.ReadError("the answer was lost"), 0), (FlowNotRunnable("no such flow"), 1)]
)
async def test_a_run_is_only_crashed_for_what_does_not_pass(error, crashed, monkeypatch) -> None:
    worker = CommandCenterWorker("pool")
    told: list[str] = []

    async def take(flow_run: Any) -> None:
        raise error

    async def crash(flow_run: Any, message: str) -> None:
        told.append(message)

    monkeypatch.setattr(worker, "_take", take)
    monkeypatch.setattr(worker, "_propose_crashed_state", crash)
    monkeypatch.setattr(worker, "get_flow_run_logger", lambda flow_run: worker._logger)
    await worker._submit_run(cast("Any", SimpleNamespace(id=uuid4(), state_id=uuid4(), work_queue_name=None)))
    assert len(told) == crashed


async def test_what_a_run_asks_of_a_server_whose_database_is_away_is_asked_again() -> None:
    answers = [500, 500, 200]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = b'{"exception_message": "Internal Server Error"}'
        head = f"HTTP/1.1 {answers.pop(0)} .\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/api"
        with temporary_settings({PREFECT_API_URL: url}):
            async with RunClient(owner="worker@now") as client:
                assert (await client.request("GET", "/admin/version")).status_code == 200
    assert answers == []


async def test_a_run_that_broke_before_its_state_was_known_breaks_nothing_else() -> None:
    @flow
    async def unlucky() -> None:
        pass

    async def broken() -> None:
        raise RuntimeError("the database was away")

    engine = InProcessEngine(flow=unlucky, parameters={}, flow_run=FlowRun(flow_id=uuid4(), state=None))
    task = asyncio.create_task(broken())
    await asyncio.wait([task])
    with temporary_settings({PREFECT_LOGGING_TO_API_ENABLED: False}):
        _report(engine, task)
