"""A run of a workflow with `concurrency` -> a slot among the runs that execute at once, or a place in the queue.

Slots are granted in the order in which the runs arrived, in the transaction of the change: a run that ends passes its
slot on in the transaction of its end. So a crash cannot leave a slot free while runs wait for it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import RowMapping, Select, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from records.database.store import Store, first, insert_new, rows
from records.runs.fencing import lock_run
from records.runs.node_states import refuse_ended
from records.tables import RUN_SLOT, WORKFLOW, WORKFLOW_RUN
from records.tables.columns import now
from reliability.shielded import shielded

_MOST_GRANTED = 1_000


@dataclass(frozen=True, kw_only=True)
class OtherRun:
    """A run with a slot of the same key."""

    run_id: str
    flow_run_id: str | None


@dataclass(frozen=True, kw_only=True)
class Slot:
    """Position of a run among those of its key."""

    held: bool
    """Whether it holds a slot."""
    before: tuple[OtherRun, ...]
    """Those that arrived earlier and have not ended, the oldest first."""
    after: tuple[OtherRun, ...] = ()
    """Those that arrived later, and have asked nevertheless; the oldest first."""


class SlotStore(Store):
    """Slots: requested, waited for, released. A run's end (`finish_run`) releases its slot."""

    @shielded
    async def take_place(
        self,
        run_id: str,
        *,
        key: str,
        limit: int,
        wait: bool,
        arrived: datetime | None = None,
        fencing_token: int | None = None,
    ) -> Slot:
        """Take one of the `limit` slots of the key, or with `wait` a place in the queue; safe to repeat.

        The queue is in the order of `arrived` (None: now); what a run said first stands.
        Raises StaleAttempt for an old fencing token or an ended run.
        """
        async with self._db.write() as connection:
            run = await lock_run(connection, run_id, fencing_token=fencing_token)
            refuse_ended(run)
            await _lock_places(connection, run["workflowId"])
            asked = {"workflowRunId": run_id, "workflowId": run["workflowId"], "key": key, "limit": limit}
            arrival = round((arrived or datetime.now(UTC)).timestamp() * 1_000_000)
            await insert_new(connection, RUN_SLOT, asked | {"askedAt": now(), "arrival": arrival})
            await _give(connection, run["workflowId"], key)
            found = await rows(connection, _places(run["workflowId"], key))
            mine = next(row for row in found if row["workflowRunId"] == run_id)
            if mine["heldAt"] is None and not wait:
                await connection.execute(delete(RUN_SLOT).where(RUN_SLOT.c.id == mine["id"]))
        others = [OtherRun(run_id=row["workflowRunId"], flow_run_id=row["flowRunId"]) for row in found]
        place = found.index(mine)
        held = mine["heldAt"] is not None
        return Slot(held=held, before=tuple(others[:place]), after=tuple(others[place + 1 :]))

    @shielded
    async def have_asked(self, flow_run_ids: Collection[str]) -> set[str]:
        """Those of Prefect's runs that have asked for a slot, or have ended on record."""
        asked = RUN_SLOT.c.id.is_not(None) | WORKFLOW_RUN.c.finishedAt.is_not(None)
        known = (
            select(WORKFLOW_RUN.c.flowRunId)
            .outerjoin(RUN_SLOT, RUN_SLOT.c.workflowRunId == WORKFLOW_RUN.c.id)
            .where(WORKFLOW_RUN.c.flowRunId.in_(flow_run_ids), asked)
        )
        async with self._db.read() as connection:
            return {row["flowRunId"] for row in await rows(connection, known)}

    @shielded
    async def granted_runs(self) -> list[OtherRun]:
        """Runs that were granted a slot while they waited, and have not started; the oldest first."""
        granted = (
            select(RUN_SLOT.c.workflowRunId, WORKFLOW_RUN.c.flowRunId)
            .join(WORKFLOW_RUN, WORKFLOW_RUN.c.id == RUN_SLOT.c.workflowRunId)
            .where(RUN_SLOT.c.heldAt.is_not(None), WORKFLOW_RUN.c.status == "PENDING")
            .order_by(RUN_SLOT.c.arrival, RUN_SLOT.c.id)
            .limit(_MOST_GRANTED)
        )
        async with self._db.read() as connection:
            found = await rows(connection, granted)
        return [OtherRun(run_id=row["workflowRunId"], flow_run_id=row["flowRunId"]) for row in found]


async def release_place(connection: AsyncConnection, run: RowMapping) -> None:
    """The locked run has ended: release its slot to the next run, and remove it from the queue."""
    mine = RUN_SLOT.c.workflowRunId == run["id"]
    row = await first(connection, select(RUN_SLOT.c.key).where(mine))
    if row is None:
        return
    await _lock_places(connection, run["workflowId"])
    await connection.execute(delete(RUN_SLOT).where(mine))
    await _give(connection, run["workflowId"], row["key"])


async def _lock_places(connection: AsyncConnection, workflow_id: str) -> None:
    """Lock the slots of a workflow. Taken after the run's lock, never before; runs can start meanwhile."""
    workflow = select(WORKFLOW.c.id).where(WORKFLOW.c.id == workflow_id)
    await connection.execute(workflow.with_for_update(key_share=True))


def _places(workflow_id: str, key: str) -> Select[tuple[str, ...]]:
    return (
        select(RUN_SLOT, WORKFLOW_RUN.c.flowRunId)
        .join(WORKFLOW_RUN, WORKFLOW_RUN.c.id == RUN_SLOT.c.workflowRunId)
        .where(RUN_SLOT.c.workflowId == workflow_id, RUN_SLOT.c.key == key)
        .order_by(RUN_SLOT.c.arrival, RUN_SLOT.c.id)
    )


async def _give(connection: AsyncConnection, workflow_id: str, key: str) -> None:
    """Grant free slots to waiting runs, first come first; each counts by the limit it was requested under."""
    found = await rows(connection, _places(workflow_id, key))
    held = sum(row["heldAt"] is not None for row in found)
    for row in found:
        if row["heldAt"] is not None:
            continue
        if held >= row["limit"]:
            break
        await connection.execute(update(RUN_SLOT).where(RUN_SLOT.c.id == row["id"]).values(heldAt=now()))
        held += 1
