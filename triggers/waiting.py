"""The records, with the one question that only the triggers ask: which waiting runs have a decided gate?"""

from __future__ import annotations

from sqlalchemy import select

from records import Records
from records.store import rows
from records.tables import WORKFLOW_APPROVAL, WORKFLOW_RUN
from triggers.ports import DecidedRun

_AT_MOST = 1_000


class TriggerRecords(Records):
    """Opened and closed like `Records`."""

    async def decided_runs(self) -> list[DecidedRun]:
        """Runs that are WAITING_APPROVAL although a current gate of theirs is answered; newest answers first."""
        answered = (
            select(
                WORKFLOW_RUN.c.id.label("run"),
                WORKFLOW_RUN.c.flowRunId.label("flow_run"),
                WORKFLOW_APPROVAL.c.id.label("approval"),
                WORKFLOW_APPROVAL.c.respondedAt.label("at"),
            )
            .join(WORKFLOW_APPROVAL, WORKFLOW_APPROVAL.c.workflowRunId == WORKFLOW_RUN.c.id)
            .where(
                WORKFLOW_RUN.c.status == "WAITING_APPROVAL",
                WORKFLOW_RUN.c.flowRunId.is_not(None),
                WORKFLOW_APPROVAL.c.status != "PENDING",
                WORKFLOW_APPROVAL.c.respondedAt.is_not(None),
                WORKFLOW_APPROVAL.c.supersededAt.is_(None),
            )
            .order_by(WORKFLOW_APPROVAL.c.respondedAt.desc())
            .limit(_AT_MOST)
        )
        async with self._db.read() as connection:
            found = await rows(connection, answered)
        runs: dict[str, DecidedRun] = {}
        for row in found:
            run = runs.get(row["run"])
            runs[row["run"]] = DecidedRun(
                run_id=row["run"],
                flow_run_id=row["flow_run"],
                decided=(run.decided if run else frozenset[str]()) | {str(row["approval"])},
                last_decision=max(run.last_decision, row["at"]) if run else row["at"],
            )
        return list(runs.values())
