"""Periodic maintenance of the records: deadlines of gates, reminders, and events that were published long ago."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from prefect.client.orchestration import PrefectClient

from operations.project_queues import apply_limits
from records import Records
from triggers.reconcile.called_runs import CalledRuns
from triggers.reconcile.clock_set_back import ClockSetBack
from triggers.reconcile.ended_runs import EndedRuns
from triggers.reconcile.gate_deadlines import GateDeadlines
from triggers.reconcile.granted_slots import WakeGranted
from triggers.reconcile.reconciler import Hook

REMIND_EVERY = timedelta(days=1)
KEEP_PUBLISHED = timedelta(days=7)
KEEP_CHANGES = timedelta(days=1)
KEEP_RECEIVED = timedelta(days=30)


def maintenance_hooks(records: Records, client: PrefectClient) -> Sequence[Hook]:
    """Hooks for the reconciler. A gate that expires is decided; `ResumeDecided` then wakes its run."""

    async def remind() -> object:
        return await records.remind_gates(REMIND_EVERY)

    async def prune() -> object:
        at = datetime.now(UTC)
        await records.prune_changes(at - KEEP_CHANGES)
        await records.prune_received(at - KEEP_RECEIVED)
        return await records.prune_events(at - KEEP_PUBLISHED)

    async def limit_projects() -> object:
        pool = os.environ.get("COMMANDCENTER_POOL") or "commandcenter"
        return await apply_limits(client, pool, (await records.all_project_limits()).values())

    async def fold() -> object:
        return await records.fold_totals()

    async def prune_spans() -> object:
        return await records.prune_spans()

    return (
        Hook(name="old spans", run=prune_spans, every_seconds=3600.0),
        Hook(name="metric totals", run=fold, every_seconds=60.0),
        Hook(name="ends in Prefect", run=EndedRuns(client=client, records=records), every_seconds=2.0),
        Hook(name="free places", run=WakeGranted(client=client, records=records), every_seconds=1.0),
        Hook(name="called runs", run=CalledRuns(client=client, records=records), every_seconds=2.0),
        Hook(name="clock set back", run=ClockSetBack(client=client), every_seconds=5.0),
        Hook(name="limits of projects", run=limit_projects, every_seconds=10.0),
        Hook(name="gate deadlines", run=GateDeadlines(client=client, records=records), every_seconds=1.0),
        Hook(name="reminders", run=remind, every_seconds=60.0),
        Hook(name="published events", run=prune, every_seconds=3600.0),
    )
