"""Requests to Prefect's API -> those whose JSON Prefect can send again reach it.

Prefect stores half of a surrogate pair, JSON nested hundreds of levels deep and integers beyond 64 bits, but cannot
write them into an answer: from then on every list that such a row is in fails, workers get no runs, and nothing runs
until the row is gone. One mistaken parameter of one run, typed into the form of a deployment, must not stop all others.
"""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Any, cast

from reliability.whole_bodies import whole_body

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

MOST_LEVELS = 100
"""pydantic writes 255 at most, and the value stands inside of a row of a list. A run's context may have 32."""
_SMALL_BYTES = 1 << 16
_WRITING = ("POST", "PUT", "PATCH")
_ESCAPED_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_HALF = "a text has half of a surrogate pair (\\ud800 to \\udfff), which is not Unicode: leave it out"
_LARGE_DIGITS = re.compile(rb"\d{19}")
_LARGEST = 2**63
_LARGE = "a number does not fit into 64 bits: give it as text"
_DEEP = f"the JSON is nested deeper than {MOST_LEVELS} levels"


class ReadableBodies:
    """ASGI middleware: answers 422 to a request whose JSON could be stored and not be read again."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body, and pass it on as one message unless it is refused."""
        if scope["type"] != "http" or scope["method"] not in _WRITING:
            await self._app(scope, receive, send)
            return
        body, again = await whole_body(receive)
        if body is None:
            return
        # A large one in a thread: other requests go on meanwhile.
        small = len(body) <= _SMALL_BYTES
        if (fault := unreadable(body) if small else await asyncio.to_thread(unreadable, body)) is not None:
            answer = json.dumps({"detail": fault}).encode()
            head = [(b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())]
            await send({"type": "http.response.start", "status": 422, "headers": head})
            await send({"type": "http.response.body", "body": answer})
            return
        await self._app(scope, again, send)


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
