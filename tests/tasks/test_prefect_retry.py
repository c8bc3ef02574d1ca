"""What Prefect's API says when it has trouble of its own is asked again."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from reliability import retry
from tasks.prefect_retry import is_transient, until_answered


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
        (RuntimeError("something else"), False),
    ],
)
def test_only_trouble_of_the_api_itself_passes(error: Exception, passing: bool) -> None:
    assert is_transient(error) is passing


async def test_a_read_is_made_again_until_the_api_answers(monkeypatch) -> None:
    monkeypatch.setattr(retry, "FIRST_PAUSE", 0.001)
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
    monkeypatch.setattr(retry, "WAIT_SECONDS", 0.0)
    with pytest.raises(httpx.HTTPStatusError):
        await until_answered(broken)
