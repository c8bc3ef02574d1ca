"""A run's log as server-sent events: lines while agents write them, and an end."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse

from api.context import Platform
from api.event_stream import Pause, described_events, event_stream
from api.problems import refusal
from api.schemas import LogLineAnswer
from api.sign_in import Caller, SignedIn
from operations.find_run import find_run
from records import Records

router = APIRouter(prefix="/runs", tags=["runs"])

_AT_ONCE = 500
_LINES = described_events(
    ["line", "end"],
    "Events named `line` with a line as JSON, and `end` with the run's status, which is the last.",
)


@router.get(
    "/{run_id}/logs/stream",
    operation_id="stream_log",
    summary="Follow the log of a run",
    responses=_LINES,
    response_class=StreamingResponse,
)
async def stream_log(
    run_id: str,
    request: Request,
    caller: Caller,
    platform: Platform,
    node: Annotated[str | None, Query(max_length=200)] = None,
    search: Annotated[str | None, Query(max_length=200, description="Text in any case.")] = None,
    follow: Annotated[bool, Query(description="False: end behind the lines that are there.")] = True,
    last_event_id: Annotated[
        str | None, Header(pattern=r"^[0-9]{1,18}$", description="Go on behind this line.")
    ] = None,
) -> StreamingResponse:
    """All lines so far and then each as it is written, long before its agent ends; over when the run has ended."""
    if any(text is not None and "\0" in text for text in (node, search)):
        raise refusal(422, "no log has the character U+0000")
    run = await find_run(platform.records, run_id, project_id=caller.projectId)
    lines = _lines(
        request,
        caller,
        platform.records,
        run.id,
        node=node,
        search=search,
        after=int(last_event_id or 0),
        follow=follow,
    )
    return event_stream(lines)


async def _lines(
    request: Request,
    caller: SignedIn,
    records: Records,
    run_id: str,
    *,
    node: str | None,
    search: str | None,
    after: int,
    follow: bool,
) -> AsyncGenerator[str]:
    pause = Pause(request, caller)
    yield "retry: 1000\n\n"
    while not await request.is_disconnected():
        # Looked at before the lines: what was written until then is among them.
        run = await records.run(run_id, project_id=caller.projectId)
        found = await records.kept_log(run_id, node_id=node, search=search, after=after, limit=_AT_ONCE)
        for each in found:
            data = LogLineAnswer.model_validate(each).model_dump_json()
            yield f"id: {each.id}\nevent: line\ndata: {data}\n\n"
            after = each.id
            pause.sent()
        if len(found) == _AT_ONCE:
            continue
        if run.finished_at is not None:
            yield f'event: end\ndata: {{"status": "{run.status}"}}\n\n'
            return
        if not follow:
            return
        meanwhile = await pause.wait()
        if meanwhile is None:
            return
        yield meanwhile
