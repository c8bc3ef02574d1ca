"""Plans, and the versions that say which plan a workflow takes -> as the platform saved them, or an error.

A digest says that a plan is whole, not that anybody deployed it: whoever can write to the database could add one of
his own. So each plan is signed when it is saved. Which plan new runs take is what the newest version says: versions are
signed with their number, and the database lets none of them be changed or deleted, so that no older plan, however well
signed, is made the current one by hand. A version that the platform did not sign is passed over, whatever its number.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import RowMapping, Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from compiler.plan import Plan, digest_of
from records.database.signing import signer_of
from records.database.store import first, rows
from records.errors import NotFound, RowForged
from records.tables import PLAN, WORKFLOW, WORKFLOW_VERSION

PLAN_FIELDS = ("digest", "projectId", "name")
VERSION_FIELDS = ("workflowId", "projectId", "name", "number", "planDigest", "savedAt")
_NEWEST = WORKFLOW_VERSION.alias("newest")
_NUMBERS = WORKFLOW_VERSION.alias("numbers")
_PAGE = 100
_AGAIN = "deploy its workflow again (`commandcenter deploy`)"


async def read_plan(connection: AsyncConnection, digest: str) -> Plan:
    """The plan of that digest. Raises NotFound, and RowForged for one that the platform did not save."""
    row = await first(connection, select(PLAN).where(PLAN.c.digest == digest))
    if row is None:
        raise NotFound("the plan", digest, "deploy its workflow first (`commandcenter deploy`)")
    # As it was stored: a version of the platform with more fields gives another digest.
    if digest_of(json.loads(row["content"])) != digest:
        raise RowForged(f"plan {digest!r} is not what was deployed: its row was changed in the database; {_AGAIN}")
    if not signer_of(connection).signed("plan", row, PLAN_FIELDS):
        raise RowForged(
            f"plan {digest!r} was not deployed by this platform: its row was written into the database, or signed with "
            f"a key that this part does not have (COMMANDCENTER_SIGNING_KEY_FILE); {_AGAIN}"
        )
    return Plan.model_validate_json(row["content"])


def select_pointers() -> Select[tuple[Any, ...]]:
    """Workflows, each with its newest version, as `require_newest` takes them."""
    highest = select(func.max(_NUMBERS.c.number)).where(_NUMBERS.c.workflowId == WORKFLOW.c.id).scalar_subquery()
    newest = (_NEWEST.c.workflowId == WORKFLOW.c.id) & (_NEWEST.c.number == highest)
    return select(
        WORKFLOW.c.id.label("workflowId"),
        WORKFLOW.c.projectId,
        WORKFLOW.c.name,
        WORKFLOW.c.status,
        WORKFLOW.c.planDigest.label("pointsAt"),
        WORKFLOW.c.updatedAt,
        _NEWEST.c.number,
        _NEWEST.c.planDigest,
        _NEWEST.c.savedAt,
        _NEWEST.c.signature,
    ).select_from(WORKFLOW.outerjoin(_NEWEST, newest))


async def require_newest(connection: AsyncConnection, row: Mapping[Any, Any]) -> None:
    """Raises RowForged unless the workflow points at the plan that was deployed last."""
    newest: Mapping[Any, Any] | None = row
    if not is_version(connection, row):
        newest = await newest_version(connection, row["workflowId"], project_id=row["projectId"], name=row["name"])
    if newest is not None and row["pointsAt"] == newest["planDigest"]:
        return
    raise RowForged(
        f"workflow {row['name']!r} of project {row['projectId']} does not point at the plan that was deployed last: "
        "its row was changed in the database, or signed with a key that this part does not have "
        "(COMMANDCENTER_SIGNING_KEY_FILE); deploy it again"
    )


async def newest_version(
    connection: AsyncConnection, workflow_id: str, *, project_id: int, name: str
) -> RowMapping | None:
    """The newest version that the platform saved.

    Others are passed over: one of a client of the database, with the highest number that there is, stays for ever.
    """
    mine = select(WORKFLOW_VERSION).where(WORKFLOW_VERSION.c.workflowId == workflow_id)
    chosen = mine.order_by(WORKFLOW_VERSION.c.number.desc()).limit(_PAGE)
    page = await rows(connection, chosen)
    while page:
        for row in page:
            if is_version(connection, {**row, "projectId": project_id, "name": name}):
                return row
        page = await rows(connection, chosen.where(WORKFLOW_VERSION.c.number < page[-1]["number"]))
    return None


def is_version(connection: AsyncConnection, row: Mapping[Any, Any]) -> bool:
    """Whether the platform saved this version. `row`: with the project and the name of its workflow."""
    return row["number"] is not None and signer_of(connection).signed("version", row, VERSION_FIELDS)
