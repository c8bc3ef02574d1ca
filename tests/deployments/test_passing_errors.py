"""What the API says when it has trouble of its own is no reason to end a run."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import httpx
import pytest

from deployments.client import is_passing
from deployments.flow_loader import FlowNotRunnable
from deployments.worker import CommandCenterWorker


def refused(status: int) -> httpx.HTTPStatusError:
    request = httpx.Request("GET", "http://127.0.0.1/api")
    return httpx.HTTPStatusError("refused", request=request, response=httpx.Response(status, request=request))


@pytest.mark.parametrize(
    ("error", "passing"),
    [
        (refused(500), True),
        (refused(503), True),
        (refused(429), True),
        (refused(404), False),
        (refused(422), False),
        (httpx.ReadError("the answer was lost"), True),
        (httpx.ConnectTimeout("nobody there"), True),
        (FlowNotRunnable("no such flow"), False),
    ],
)
def test_only_trouble_of_the_api_itself_passes(error: Exception, passing: bool) -> None:
    assert is_passing(error) is passing


@pytest.mark.parametrize(("error", "crashed"), [(refused(500), 0), (FlowNotRunnable("no such flow"), 1)])
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
    await worker._submit_run(SimpleNamespace(id=uuid4(), state_id=uuid4()))
    assert len(told) == crashed
