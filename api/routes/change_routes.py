"""Changes that wait for a second person: list, confirm."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter

from api.context import Platform
from api.schemas import ResponseModel
from api.sign_in import Caller
from operations.second_person import Acting, confirm_change

router = APIRouter(prefix="/changes", tags=["people"])


class ChangeRequestAnswer(ResponseModel):
    """A change that was asked for and not made yet."""

    id: str
    kind: str
    digest: str
    summary: str
    requested_by: str
    requested_at: datetime
    confirmed_by: str | None
    confirmed_at: datetime | None


@router.get("", summary="List the changes that wait for a second person")
async def list_changes(caller: Caller, platform: Platform) -> list[ChangeRequestAnswer]:
    """Oldest first. There are some in production mode only."""
    found = await platform.records.change_requests(caller.projectId)
    return [ChangeRequestAnswer.model_validate(each) for each in found]


@router.post(
    "/{change_id}/confirm", operation_id="confirm_change", summary="Confirm a change as the second person"
)
async def confirm(change_id: str, caller: Caller, platform: Platform) -> ChangeRequestAnswer:
    """Whoever asked for it cannot confirm it. One of the two carries it out then."""
    by = Acting(name=caller.name, verified=True)
    done = await confirm_change(change_id, by=by, project_id=caller.projectId, records=platform.records)
    return ChangeRequestAnswer.model_validate(done)
