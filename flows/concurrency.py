"""A run about to go on -> a slot of its workflow's `concurrency`, or the state in which it waits for one.

Places are rows of the records, as keys are only known when a run begins. A run holds its place until it ends on
record: also while it waits for an approval, so that what was approved is not overtaken meanwhile.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.client.schemas.responses import SetStateStatus
from prefect.exceptions import Abort, Pause
from prefect.states import AwaitingConcurrencySlot, Cancelled

from compiler import Scope, render
from compiler.plan import Concurrency, Plan, digest_of
from operations.errors import TransientTriggerError
from operations.run_acts import cancel_in_prefect
from records import Records, Slot
from tasks.services import RunRef
from triggers.reconcile.granted_slots import wake_granted

LOOK_AGAIN = timedelta(minutes=5)
"""When a run in the queue looks by itself, should nobody wake it."""
CANCEL_LOOK = timedelta(seconds=1)
"""When a run looks again whether those that it cancelled have ended."""
SKIPPED = "Skipped"

Turn = Literal["go", "wait", "skip", "overtaken"]


@dataclass(frozen=True, kw_only=True)
class SlotDecision:
    """What a run has found out about its place."""

    turn: Turn
    place: Slot
    rule: Concurrency

    @property
    def reason(self) -> str:
        """One sentence for people."""
        if self.turn == "overtaken":
            return _takes_its_place(self.place.after[-1].run_id)
        others = ", ".join(each.run_id for each in self.place.before[-3:])
        limit = f"the workflow lets {self.rule.limit} go on at once"
        of_key = f" for each {self.rule.key}" if self.rule.key else ""
        verb = "skipped" if self.turn == "skip" else "waiting"
        return f"{verb}: {limit}{of_key}, and {len(self.place.before)} came before ({others})"


async def request_slot(
    plan: Plan, *, run: RunRef, arrived: datetime, records: Records, logger: logging.Logger | Any
) -> SlotDecision | None:
    """Take a place or find out that there is none; None where the workflow has no limit. Raises TemplateError."""
    rule = plan.concurrency
    if rule is None:
        return None
    key = slot_key(rule, context=run.context, run_id=run.run_id, trigger=run.trigger, project_id=run.project_id)
    wait = rule.on_conflict != "skip"

    async def take() -> Slot:
        return await records.take_place(
            run.run_id,
            key=key,
            limit=rule.limit,
            wait=wait,
            arrived=arrived,
            fencing_token=run.fencing_token,
        )

    place = await take()
    if rule.on_conflict == "cancel-older" and len(place.after) >= rule.limit:
        return SlotDecision(turn="overtaken", place=place, rule=rule)
    if not place.held and rule.on_conflict == "cancel-older":
        await _cancel_older(place, rule, by=run, records=records, logger=logger)
        place = await take()
    turn: Turn = "go" if place.held else "wait" if wait else "skip"
    return SlotDecision(turn=turn, place=place, rule=rule)


async def leave_slot(standing: SlotDecision, *, run: RunRef, records: Records) -> State[Any]:
    """Leave the worker: the run is skipped, or waits in Prefect's queue. Raises Prefect's `Pause` when it waits."""
    if standing.turn in ("skip", "overtaken"):
        # Nothing was done, so it is no success; in Prefect it is no failure either, which would alarm people.
        await records.finish_run(run.run_id, "FAILED", standing.reason, fencing_token=run.fencing_token)
        return Cancelled(name=SKIPPED if standing.turn == "skip" else None, message=standing.reason)
    await records.set_run_status(run.run_id, "PENDING", fencing_token=run.fencing_token)
    pause = CANCEL_LOOK if standing.rule.on_conflict == "cancel-older" else LOOK_AGAIN
    queued = AwaitingConcurrencySlot(scheduled_time=datetime.now(UTC) + pause, message=standing.reason)
    async with get_client() as client:
        # Not forced: a run that is being cancelled stays so.
        answer = await client.set_flow_run_state(UUID(run.flow_run_id), queued)
        with suppress(TransientTriggerError):
            await wake_granted(client, records)  # it may have been given a place before it was in the queue
    if answer.status != SetStateStatus.ACCEPT:
        raise Abort(standing.reason)
    raise Pause(standing.reason, state=answer.state)


async def wake_next(records: Records) -> None:
    """This run has ended: wake those that were given its place. If Prefect is away, the platform's own loop does."""
    with suppress(TransientTriggerError):
        async with get_client() as client:
            await wake_granted(client, records)


def slot_key(rule: Concurrency, *, context: Mapping[str, Any], run_id: str, trigger: str, project_id: int) -> str:
    """The runs of one key share the limit; empty without a key. Raises TemplateError."""
    if rule.key is None:
        return ""
    about = {"id": run_id, "trigger": trigger, "projectId": project_id}
    return digest_of(render(rule.key, Scope(context=context, nodes={}, run=about)))


def _takes_its_place(run_id: str) -> str:
    return f"cancelled: the newer run {run_id} takes its place"


async def _cancel_older(
    place: Slot, rule: Concurrency, *, by: RunRef, records: Records, logger: logging.Logger | Any
) -> None:
    """Cancel all but the newest `limit - 1` of those that came before; their places are free once they have ended."""
    reason = _takes_its_place(by.run_id)
    async with get_client() as client:
        for older in place.before[: len(place.before) - rule.limit + 1]:
            # On record first: Prefect's own record of a cancelled run does not keep the reason.
            await records.note_end(older.run_id, reason)
            if await cancel_in_prefect(client, older.flow_run_id, reason):
                await records.finish_run(older.run_id, "FAILED", reason)
            logger.info("the older run %s is cancelled", older.run_id)
