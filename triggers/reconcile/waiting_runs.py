"""The records, with the one question that only the triggers ask: which waiting runs have a settled gate?"""

from __future__ import annotations

from sqlalchemy import or_, select

from records import Records
from records.database.store import rows
from records.tables import WORKFLOW_APPROVAL, WORKFLOW_RUN
from triggers.ports import DecidedRun

_AT_MOST = 5_000


class TriggerRecords(Records):
    """Opened and closed like `Records`."""

    async def decided_runs(self) -> list[DecidedRun]:
        """Runs that are WAITING_APPROVAL although a question of theirs is decided or replaced; newest first."""
        settled = (
            select(
                WORKFLOW_RUN.c.id.label("run"),
                WORKFLOW_RUN.c.flowRunId.label("flow_run"),
                WORKFLOW_APPROVAL.c.id.label("approval"),
            )
            .join(WORKFLOW_APPROVAL, WORKFLOW_APPROVAL.c.workflowRunId == WORKFLOW_RUN.c.id)
            .where(
                WORKFLOW_RUN.c.status == "WAITING_APPROVAL",
                WORKFLOW_RUN.c.flowRunId.is_not(None),
                or_(WORKFLOW_APPROVAL.c.status != "PENDING", WORKFLOW_APPROVAL.c.supersededAt.is_not(None)),
            )
            .order_by(WORKFLOW_APPROVAL.c.respondedAt.desc())
            .limit(_AT_MOST)
        )
        async with self._db.read() as connection:
            found = await rows(connection, settled)
        approvals: dict[tuple[str, str], set[str]] = {}
        for row in found:
            approvals.setdefault((row["run"], row["flow_run"]), set()).add(row["approval"])
        return [
            DecidedRun(run_id=run, flow_run_id=flow_run, settled=frozenset(ids))
            for (run, flow_run), ids in approvals.items()
        ]
