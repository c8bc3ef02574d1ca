"""Texts of workflows: every deployed version as it was written, and one draft per name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import RowMapping, Select, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from compiler.plan import Plan
from records.database.ids import new_id
from records.database.payload import line
from records.database.read_row import read_row
from records.database.signed_plans import (
    VERSION_FIELDS,
    is_version,
    newest_version,
    require_newest,
    select_pointers,
)
from records.database.signing import signer_of
from records.database.store import Store, first, insert_new, rows
from records.errors import NotFound, VersionConflict
from records.events.changes import note_change
from records.tables import WORKFLOW, WORKFLOW_DRAFT, WORKFLOW_VERSION
from records.tables.columns import now
from reliability.shielded import shielded

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class WorkflowVersion:
    """A workflow as it was deployed once."""

    number: int
    """1 is the oldest."""
    plan_digest: str
    text: str | None
    """The YAML with its comments; None where only the plan came."""
    saved_by: str | None
    saved_at: datetime


@dataclass(frozen=True, kw_only=True)
class WorkflowDraft:
    """A text that somebody is writing; it need not compile."""

    name: str
    text: str
    base_etag: str | None
    """ETag of the saved workflow that it began from; None for a new one."""
    updated_by: str
    updated_at: datetime


class VersionStore(Store):
    """Versions and drafts of workflows."""

    @shielded
    async def workflow_versions(self, project_id: int, name: str) -> list[WorkflowVersion]:
        """All versions, the newest first; empty for a workflow that is not there."""
        chosen = _versions(project_id, name).order_by(WORKFLOW_VERSION.c.number.desc())
        async with self._db.read() as connection:
            found = await rows(connection, chosen)
            whose = {"projectId": project_id, "name": name}
            return [_version(row) for row in found if is_version(connection, {**row, **whose})]

    @shielded
    async def workflow_version(self, project_id: int, name: str, number: int) -> WorkflowVersion:
        """One version. Raises NotFound."""
        chosen = _versions(project_id, name).where(WORKFLOW_VERSION.c.number == number)
        async with self._db.read() as connection:
            row = await first(connection, chosen)
            whose = {"projectId": project_id, "name": name}
            if row is not None and not is_version(connection, {**row, **whose}):
                row = None
        if row is None:
            raise NotFound(f"of workflow {name!r} the version", number, "list its versions first")
        return _version(row)

    @shielded
    async def newest_version(self, project_id: int, name: str) -> WorkflowVersion | None:
        """The one that is deployed now; None for a workflow that was saved by an older platform, or is not there."""
        mine = select(WORKFLOW.c.id).where(WORKFLOW.c.projectId == project_id, WORKFLOW.c.name == name)
        async with self._db.read() as connection:
            workflow = await first(connection, mine)
            if workflow is None:
                return None
            row = await newest_version(connection, workflow["id"], project_id=project_id, name=name)
        return None if row is None else _version(row)

    @shielded
    async def replaced_at(self, project_id: int, name: str, plan_digest: str) -> datetime | None:
        """Since when new runs of the workflow take another plan, or there are none; None: this is the one they take.

        A time before all others where the plan never was the workflow's. Raises RowForged where the workflow was made
        to point at it by hand.
        """
        mine = (WORKFLOW.c.projectId == project_id) & (WORKFLOW.c.name == name)
        async with self._db.read() as connection:
            workflow = await first(connection, select_pointers().where(mine))
            if workflow is not None and workflow["pointsAt"] == plan_digest:
                await require_newest(connection, workflow)
                return None if workflow["status"] == "ACTIVE" else workflow["updatedAt"]
            saved = _versions(project_id, name).order_by(WORKFLOW_VERSION.c.number.desc())
            whose = {"projectId": project_id, "name": name}
            found = [row for row in await rows(connection, saved) if is_version(connection, {**row, **whose})]
        after = _NEVER
        for row in found:
            if row["planDigest"] == plan_digest:
                return after
            after = row["savedAt"]
        return _NEVER

    @shielded
    async def save_draft(
        self, project_id: int, name: str, text: str, *, by: str, base_etag: str | None, seen: str | None = None
    ) -> None:
        """Keep the text as the project's draft of that name, instead of the one before.

        `seen`: the text of the draft that the writer knows, empty for none; raises VersionConflict where it is another
        one. None: whatever it is.
        """
        values = {"sourceText": text, "baseETag": base_etag, "updatedBy": line(by, 200), "updatedAt": now()}
        mine = (WORKFLOW_DRAFT.c.projectId == project_id) & (WORKFLOW_DRAFT.c.name == name)
        known = mine if seen is None else mine & (WORKFLOW_DRAFT.c.sourceText == seen)
        fresh = {"projectId": project_id, "name": name, **values}
        async with self._db.write() as connection:
            changed = await connection.execute(WORKFLOW_DRAFT.update().where(known).values(**values))
            if changed.rowcount != 1 and not await insert_new(connection, WORKFLOW_DRAFT, fresh):
                raise VersionConflict(f"somebody else has changed the draft of {name!r}: look at it first")
            await note_change(connection, project_id, "workflow", name)

    @shielded
    async def draft(self, project_id: int, name: str) -> WorkflowDraft:
        """The draft of that name. Raises NotFound."""
        mine = (WORKFLOW_DRAFT.c.projectId == project_id) & (WORKFLOW_DRAFT.c.name == name)
        async with self._db.read() as connection:
            row = await first(connection, select(WORKFLOW_DRAFT).where(mine))
        if row is None:
            raise NotFound("the draft", name, "the project has none of that name")
        return _draft(row)

    @shielded
    async def drafts(self, project_id: int) -> list[WorkflowDraft]:
        """All drafts of the project, by name."""
        mine = select(WORKFLOW_DRAFT).where(WORKFLOW_DRAFT.c.projectId == project_id)
        async with self._db.read() as connection:
            found = await rows(connection, mine.order_by(WORKFLOW_DRAFT.c.name))
        return [_draft(row) for row in found]

    @shielded
    async def delete_draft(self, project_id: int, name: str) -> bool:
        """Forget the draft; False where there is none."""
        mine = (WORKFLOW_DRAFT.c.projectId == project_id) & (WORKFLOW_DRAFT.c.name == name)
        async with self._db.write() as connection:
            if (await connection.execute(delete(WORKFLOW_DRAFT).where(mine))).rowcount != 1:
                return False
            await note_change(connection, project_id, "workflow", name)
        return True


async def add_version(
    connection: AsyncConnection,
    workflow_id: str,
    plan: Plan,
    *,
    text: str | None,
    by: str | None,
    expected: int | None = None,
) -> None:
    """Keep the version, in the transaction that deploys it, unless it is the last one again.

    Raises VersionConflict unless `expected` is the number of the newest one.
    """
    last = await newest_version(connection, workflow_id, project_id=plan.project_id, name=plan.name)
    number = 0 if last is None else int(last["number"])
    if expected not in (None, number):
        raise VersionConflict(
            f"version {number} is the newest, you began from version {expected}: look at it first"
        )
    whose = {"projectId": plan.project_id, "name": plan.name}
    if last is not None and last["planDigest"] == plan.digest and text in (None, last["sourceText"]):
        return
    values: dict[str, Any] = {
        "id": new_id(),
        "workflowId": workflow_id,
        "planDigest": plan.digest,
        "sourceText": text,
        "savedBy": line(by, 200),
        "savedAt": now(),
    }
    made = False
    while not made:
        # A number may be taken by a row that is not the platform's, and will stay.
        number += 1
        values["number"] = number
        values["signature"] = signer_of(connection).sign("version", {**values, **whose}, VERSION_FIELDS)
        made = await insert_new(connection, WORKFLOW_VERSION, values)


def _versions(project_id: int, name: str) -> Select[tuple[Any, ...]]:
    joined = WORKFLOW_VERSION.join(WORKFLOW, WORKFLOW.c.id == WORKFLOW_VERSION.c.workflowId)
    return (
        select(WORKFLOW_VERSION)
        .select_from(joined)
        .where(WORKFLOW.c.projectId == project_id, WORKFLOW.c.name == name)
    )


def _version(row: RowMapping) -> WorkflowVersion:
    return read_row(WorkflowVersion, row, text=row["sourceText"])


def _draft(row: RowMapping) -> WorkflowDraft:
    return read_row(WorkflowDraft, row, text=row["sourceText"], base_etag=row["baseETag"])
