"""A change that weakens what approvals protect -> allowed, or kept until a second person has confirmed exactly it.

In production mode only. Both people must have shown a token of theirs: a name that somebody typed is nobody's. The one
who confirms must be an admin; whoever carries the change out must be one of the two.
"""

from __future__ import annotations

from dataclasses import dataclass

from records import Records
from records.errors import RecordsError
from records.people.change_store import ChangeRequest
from reliability.mode import is_production


class SecondPersonNeeded(RecordsError):
    """Nothing was changed: another person must confirm it first, or nobody has shown who asks."""

    def __init__(self, message: str, request_id: str | None = None) -> None:
        super().__init__(message)
        self.request_id = request_id


@dataclass(frozen=True, kw_only=True)
class Acting:
    """Who acts, as far as the channel knows."""

    name: str
    verified: bool
    """Whether they have shown a token."""


NOBODY = Acting(name="", verified=False)


async def require_second_person(
    kind: str, *, digest: str, summary: str, by: Acting, project_id: int, records: Records
) -> None:
    """Return where the change may be made now. Raises SecondPersonNeeded, with the change kept for a second person.

    `kind`: `weaken-gates`, `register-agent` or `people`. `digest`: of exactly what would be changed.
    """
    if not is_production():
        return
    if not by.verified:
        raise SecondPersonNeeded(
            f"in production mode this needs two people who show who they are ({summary}): set COMMANDCENTER_TOKEN to "
            "a token of yours (`commandcenter tokens add`), or use the API"
        )
    if await records.use_confirmed_change(project_id=project_id, kind=kind, digest=digest, by=by.name):
        return
    asked = await records.request_change(
        project_id=project_id, kind=kind, digest=digest, summary=summary, by=by.name
    )
    raise SecondPersonNeeded(
        f"nothing was changed: another person must agree to this first ({summary}). An admin confirms it with "
        f"`commandcenter changes confirm {asked.id}` or POST /changes/{asked.id}/confirm; then do it again",
        asked.id,
    )


async def confirm_change(request_id: str, *, by: Acting, project_id: int, records: Records) -> ChangeRequest:
    """Agree to a change as a second person. Who calls has checked that they are admin. Raises SecondPersonNeeded,
    NotFound and SamePerson."""
    if not by.verified:
        raise SecondPersonNeeded("whoever confirms a change must show a token: set COMMANDCENTER_TOKEN")
    return await records.confirm_change(request_id, project_id=project_id, by=by.name)
