"""Events of the caller's project that were given up. One without a readable project belongs to nobody here."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.context import Platform
from api.schemas import DeadLetterAnswer
from api.sign_in import Caller

router = APIRouter(prefix="/dead-letters", tags=["events"])


@router.get("", summary="List the events that were given up")
async def list_dead_letters(
    caller: Caller, platform: Platform, limit: Annotated[int, Query(ge=1, le=500)] = 50
) -> list[DeadLetterAnswer]:
    """The newest first, each with the reason."""
    found = await platform.records.dead_letters(caller.projectId, limit=limit)
    return [DeadLetterAnswer.of(letter) for letter in found]
