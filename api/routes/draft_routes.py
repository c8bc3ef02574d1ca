"""Drafts of workflows in the caller's project: list, show, keep, forget."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Header, Response
from pydantic import BaseModel, ConfigDict, Field

from api.context import Platform
from api.problems import refusal
from api.routes.compile_routes import MAX_SOURCE
from api.schemas import Problem
from api.sign_in import Caller
from api.stored_text import Stored
from api.workflow_schemas import DraftAnswer
from operations.workflow_text import DraftChanged, discard_draft, draft_etag_of, save_draft
from records import VersionConflict

router = APIRouter(tags=["workflows"])

_CHANGED: dict[int | str, dict[str, Any]] = {
    412: {"model": Problem, "description": "Somebody has written another draft; `current` is that one."}
}
IfMatch = Annotated[
    str | None,
    Header(max_length=200, description='ETag of the draft you read, `"0"` for none; none: whatever it is.'),
]


class DraftBody(BaseModel):
    """A text that is being written."""

    model_config = ConfigDict(extra="forbid")

    source: Stored = Field(max_length=MAX_SOURCE)
    baseETag: Stored | None = Field(default=None, max_length=200)


@router.get("/drafts", summary="List the drafts")
async def list_drafts(caller: Caller, platform: Platform) -> list[DraftAnswer]:
    """All drafts, by name, also of workflows that have never been saved."""
    return [DraftAnswer.of(each) for each in await platform.records.drafts(caller.projectId)]


@router.get("/workflows/{name}/draft", summary="Show a draft")
async def show_draft(name: str, caller: Caller, platform: Platform, response: Response) -> DraftAnswer:
    """The text that somebody is writing under that name. The header `ETag` is what `If-Match` of the next one takes."""
    found = await platform.records.draft(caller.projectId, name)
    response.headers["ETag"] = draft_etag_of(found.text)
    response.headers["Cache-Control"] = "private, no-cache"
    return DraftAnswer.of(found)


@router.put("/workflows/{name}/draft", status_code=204, summary="Keep a draft", responses=_CHANGED)
async def put_draft(
    name: str, body: DraftBody, caller: Caller, platform: Platform, response: Response, if_match: IfMatch = None
) -> None:
    """Keeps a text that need not compile. Whoever saves the workflow forgets the own draft of it."""
    with _unchanged():
        await save_draft(
            name,
            body.source,
            records=platform.records,
            project_id=caller.projectId,
            by=caller.name,
            base_etag=body.baseETag,
            if_match=if_match,
        )
    response.headers["ETag"] = draft_etag_of(body.source)


@router.delete("/workflows/{name}/draft", status_code=204, summary="Forget a draft", responses=_CHANGED)
async def remove_draft(name: str, caller: Caller, platform: Platform, if_match: IfMatch = None) -> None:
    """The saved workflow stays as it is."""
    with _unchanged():
        await discard_draft(name, records=platform.records, project_id=caller.projectId, if_match=if_match)


@contextmanager
def _unchanged() -> Generator[None]:
    """Another draft than the one that was read -> the answer that shows it."""
    try:
        yield
    except DraftChanged as exc:
        current = DraftAnswer.of(exc.current).model_dump(mode="json", by_alias=True)
        raise refusal(412, str(exc), current=current, etag=draft_etag_of(exc.current.text)) from exc
    except VersionConflict as exc:
        raise refusal(412, str(exc)) from exc
