"""One stream per project that says what changed, as server-sent events; the reader fetches what it shows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse

from api.context import Platform
from api.sign_in import Caller, SignedIn, authorise
from records import RecordChange, Records

router = APIRouter(tags=["stream"])

LOOK_SECONDS = 0.5
BEAT_SECONDS = 15.0
"""A comment is sent that often, so that a broken connection is noticed."""
CHECK_SECONDS = 60.0
"""How often it is looked whether the person may still read."""
_EVENTS = {
    200: {
        "content": {
            "text/event-stream": {
                "schema": {
                    "type": "object",
                    "description": "One event.",
                    "properties": {
                        "id": {"type": "string", "description": "For `Last-Event-ID`."},
                        "event": {"enum": ["run", "approval", "agentRun", "workflow", "event", "agent"]},
                        "data": {"type": "string", "contentMediaType": "application/json"},
                    },
                }
            }
        },
        "description": "Events named `run`, `approval`, `agentRun`, `workflow`, `event` or `agent`, with `type`, `id` "
        "and `runId` as JSON.",
    }
}


@router.get("/stream", summary="Follow what changes", responses={**_EVENTS}, response_class=StreamingResponse)
async def follow(
    request: Request,
    caller: Caller,
    platform: Platform,
    last_event_id: Annotated[
        str | None, Header(pattern=r"^[0-9]{1,18}$", description="Go on behind this event.")
    ] = None,
    limit: Annotated[
        int | None, Query(ge=0, le=100_000, description="End after that many events; 0: those that are there.")
    ] = None,
) -> StreamingResponse:
    """Never ends by itself. A change may be told twice, and is never left out while it is on record (a day)."""
    after = int(last_event_id) if last_event_id else await platform.records.last_change(caller.projectId)
    events = _events(request, caller, platform.records, after=after, limit=limit)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(events, media_type="text/event-stream", headers=headers)


async def _events(
    request: Request, caller: SignedIn, records: Records, *, after: int, limit: int | None
) -> AsyncGenerator[str]:
    sent: set[int] = set()
    told, quiet, checked = 0, 0.0, 0.0
    yield f"retry: 1000\n: {after}\n\n"
    while not await request.is_disconnected():
        found = [
            each for each in await records.record_changes(caller.projectId, after=after) if each.id not in sent
        ]
        for each in found:
            if limit is not None and told >= limit > 0:
                return
            yield _event(each)
            sent.add(each.id)
            after, told, quiet = max(after, each.id), told + 1, 0.0
        if limit is not None and told >= limit:
            return
        if len(sent) > 2_000:
            sent = {number for number in sent if number > after - 1_000}
        await asyncio.sleep(LOOK_SECONDS)
        quiet, checked = quiet + LOOK_SECONDS, checked + LOOK_SECONDS
        if quiet >= BEAT_SECONDS:
            quiet = 0.0
            yield ": still here\n\n"
        if checked >= CHECK_SECONDS:
            checked = 0.0
            if not await may_still_read(request, caller):
                return


async def may_still_read(request: Request, caller: SignedIn) -> bool:
    """Whether it goes on: a token that was revoked, or a role that was taken away, ends it."""
    try:
        person = await authorise(request)
    except Exception:
        return False
    return person is not None and person.projectId == caller.projectId


def _event(change: RecordChange) -> str:
    data = json.dumps({"type": change.type, "id": change.ref, "runId": change.run_id})
    return f"id: {change.id}\nevent: {change.type}\ndata: {data}\n\n"
