"""Text as server-sent events: how an answer is made of it, what its schema says, and when the connection is looked at.

What is sent comes from the routes; a comment is sent while nothing happens, so that a broken connection is noticed, and
it is over once the reader may no longer read.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from typing import Any

from fastapi import Request
from fastapi.responses import StreamingResponse

from api.sign_in import SignedIn, authorise

LOOK_SECONDS = 0.5
_BEAT_SECONDS = 15.0
_CHECK_SECONDS = 4.0
"""How often it is looked whether the person may still read: a stream ends within 5 s of that."""


def event_stream(text: AsyncGenerator[str]) -> StreamingResponse:
    """The answer, which no proxy keeps or gathers."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(text, media_type="text/event-stream", headers=headers)


def described_events(names: Sequence[str], description: str) -> dict[int | str, dict[str, Any]]:
    """What OpenAPI says of an answer of such events."""
    event = {
        "type": "object",
        "description": "One event.",
        "properties": {
            "id": {"type": "string", "description": "For `Last-Event-ID`."},
            "event": {"enum": [*names]},
            "data": {"type": "string", "contentMediaType": "application/json"},
        },
    }
    return {200: {"content": {"text/event-stream": {"schema": event}}, "description": description}}


class Pause:
    """The time between two looks for something new."""

    def __init__(self, request: Request, caller: SignedIn) -> None:
        self._request, self._caller = request, caller
        self._sent_at = self._checked_at = time.monotonic()

    def sent(self) -> None:
        """Something went to the reader just now."""
        self._sent_at = time.monotonic()

    async def wait(self) -> str | None:
        """`LOOK_SECONDS` later: what to send meanwhile, often nothing; None where the reader may no longer read."""
        await asyncio.sleep(LOOK_SECONDS)
        # By the clock: what is sent between two looks takes its time as well.
        now = time.monotonic()
        if now - self._checked_at >= _CHECK_SECONDS:
            self._checked_at = now
            if not await self._may_still_read():
                return None
        if now - self._sent_at < _BEAT_SECONDS:
            return ""
        self._sent_at = now
        return ": still here\n\n"

    async def _may_still_read(self) -> bool:
        """A token that was revoked, or a role that was taken away, ends it."""
        try:
            person = await authorise(self._request)
        except Exception:
            return False
        return person is not None and person.projectId == self._caller.projectId
