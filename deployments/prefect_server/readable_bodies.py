"""Requests to Prefect's API -> those whose JSON is there in time, and can be sent again, reach it.

Prefect stores half of a surrogate pair, JSON nested hundreds of levels deep and integers beyond 64 bits, but cannot
write them into an answer: from then on every list that such a row is in fails, workers get no runs, and nothing runs
until the row is gone. One mistaken parameter of one run, typed into the form of a deployment, must not stop all others.

The body is read here as a whole, before the request takes one of the few places in which requests are answered: one
that comes slowly would hold it.
"""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Any, cast

from reliability.json_answers import answer_json
from reliability.whole_bodies import BodyRefused, whole_body

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

MOST_LEVELS = 100
"""pydantic writes 255 at most, and the value stands inside of a row of a list. A run's context may have 32."""
_SMALL_BYTES = 1 << 16
_WITHOUT_BODY = ("GET", "HEAD", "OPTIONS")
MOST_BYTES = 16 * 1024 * 1024
"""Prefect's clients send what they log, and their events, in batches of a few megabytes."""
BODY_SECONDS = 30.0
_ESCAPED_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_HALF = "a text has half of a surrogate pair (\\ud800 to \\udfff), which is not Unicode: leave it out"
_LARGE_DIGITS = re.compile(rb"\d{19}")
_LARGEST = 2**63
_LARGE = "a number does not fit into 64 bits: give it as text"
_DEEP = f"the JSON is nested deeper than {MOST_LEVELS} levels"


class ReadableBodies:
    """ASGI middleware: answers 422 to a request whose JSON could be stored and not be read again.

    408 or 413 to one whose body takes more than `seconds`, or is larger than `most` bytes.
    """

    def __init__(self, app: ASGIApp, *, most: int = MOST_BYTES, seconds: float = BODY_SECONDS) -> None:
        self._app = app
        self._most = most
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body, and pass it on as one message unless it is refused."""
        if scope["type"] != "http" or scope["method"] in _WITHOUT_BODY:
            await self._app(scope, receive, send)
            return
        try:
            body, again = await whole_body(receive, most=self._most, seconds=self._seconds)
        except BodyRefused as exc:
            await _refuse(send, exc.status, str(exc))
            return
        if body is None:
            return
        # A large one in a thread: other requests go on meanwhile.
        small = len(body) <= _SMALL_BYTES
        if (fault := unreadable(body) if small else await asyncio.to_thread(unreadable, body)) is not None:
            await _refuse(send, 422, fault)
            return
        await self._app(scope, again, send)


async def _refuse(send: Send, status: int, why: str) -> None:
    # Of one that is too large or too slow the rest is not waited for.
    headers = () if status == 422 else ((b"connection", b"close"),)
    await answer_json(send, status, {"detail": why}, headers=headers)


def unreadable(body: bytes) -> str | None:
    """Why Prefect could not send this JSON again, in one sentence; None: it can, or it is no JSON, which it says."""
    # A count of brackets is an upper bound: most bodies are not parsed a second time.
    suspect = _ESCAPED_SURROGATE.search(body) is not None or _LARGE_DIGITS.search(body) is not None
    if not suspect and body.count(b"[") + body.count(b"{") <= MOST_LEVELS:
        return None
    try:
        value: object = json.loads(body, parse_int=_bounded)
    except RecursionError:
        return _DEEP
    except OverflowError:
        return _LARGE
    except ValueError:
        return None
    if _is_deep(value):
        return _DEEP
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return _HALF
    return None


def _bounded(digits: str) -> int:
    # Longer ones take Python quadratic time to read.
    if len(digits) > 20 or not -_LARGEST <= (value := int(digits)) < _LARGEST:
        raise OverflowError
    return value


def _is_deep(value: object) -> bool:
    level = [value]
    for _ in range(MOST_LEVELS):
        level = [inner for each in level for inner in _inside(each)]
        if not level:
            return False
    return True


def _inside(value: object) -> list[Any]:
    if isinstance(value, dict):
        return list(cast("dict[str, Any]", value).values())
    return cast("list[Any]", value) if isinstance(value, list) else []
