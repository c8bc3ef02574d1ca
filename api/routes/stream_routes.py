"""One stream per project that says what changed, as server-sent events; the reader fetches what it shows."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse

from api.context import Platform
from api.event_stream import Pause, described_events, event_stream
from api.sign_in import Caller, SignedIn
from records import RecordChange, Records

router = APIRouter(tags=["stream"])

_EVENTS = described_events(
    ["run", "approval", "agentRun", "workflow", "event", "agent"],
    "Events named `run`, `approval`, `agentRun`, `workflow`, `event` or `agent`, with `type`, `id` and `runId` as "
    "JSON.",
)


@router.get("/stream", summary="Follow what changes", responses=_EVENTS, response_class=StreamingResponse)
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
    return event_stream(events)


async def _events(
    request: Request, caller: SignedIn, records: Records, *, after: int, limit: int | None
) -> AsyncGenerator[str]:
    sent: set[int] = set()
    pause, told = Pause(request, caller), 0
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
            after, told = max(after, each.id), told + 1
            pause.sent()
        if limit is not None and told >= limit:
            return
        if len(sent) > 2_000:
            sent = {number for number in sent if number > after - 1_000}
        meanwhile = await pause.wait()
        if meanwhile is None:
            return
        yield meanwhile


def _event(change: RecordChange) -> str:
    data = json.dumps({"type": change.type, "id": change.ref, "runId": change.run_id})
    return f"id: {change.id}\nevent: {change.type}\ndata: {data}\n\n"
