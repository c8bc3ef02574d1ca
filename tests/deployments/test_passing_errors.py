"""What the API says when it has trouble of its own is no reason to end a run."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import httpx
import pytest

from deployments.flow_loader import FlowNotRunnable
from deployments.worker import CommandCenterWorker
from tasks import passing as passing_errors
from tasks.passing import is_passing, until_answered


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


async def test_a_read_is_made_again_until_the_api_answers(monkeypatch) -> None:
    monkeypatch.setattr(passing_errors, "_FIRST_PAUSE", 0.001)
    answers: list[Any] = [refused(500), httpx.ReadError("gone"), "the value"]

    async def read() -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert await until_answered(read) == "the value"


async def test_what_does_not_pass_and_what_has_lasted_too_long_is_raised(monkeypatch) -> None:
    async def missing() -> Any:
        raise refused(404)

    async def broken() -> Any:
        raise refused(500)

    with pytest.raises(httpx.HTTPStatusError):
        await until_answered(missing)
    monkeypatch.setattr(passing_errors, "WAIT_SECONDS", 0.0)
    with pytest.raises(httpx.HTTPStatusError):
        await until_answered(broken)
