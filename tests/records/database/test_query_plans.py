"""Every list, and what the platform asks at each pass, finds its rows by an index.

The cost of a run does not grow with the runs on record.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from records import Records
from triggers.reconcile.waiting_runs import TriggerRecords

GROWING = (
    "WorkflowRun",
    "AgentRun",
    "NodeState",
    "WorkflowApproval",
    "ApprovalAudit",
    "ReceivedEvent",
    "DeadLetter",
    "Outbox",
    "ProcessedEvent",
    "Artifact",
    "RunLog",
    "Span",
    "Change",
)
"""Tables with a row or more for each run or event. A scan in the order of an index ends with the page."""
SINCE = datetime(2026, 1, 1, tzinfo=UTC)
ASKED: dict[str, Callable[[Any], Awaitable[object]]] = {
    "runs": lambda records: records.runs(1),
    "runs by status": lambda records: records.runs(1, status="FAILED"),
    "runs of a workflow": lambda records: records.runs(1, workflow="audit"),
    "runs by time": lambda records: records.runs(1, since=SINCE, until=SINCE + timedelta(days=1)),
    "runs at work": lambda records: records.runs(status="RUNNING", unfinished=True),
    "approvals": lambda records: records.approvals(1),
    "open approvals": lambda records: records.approvals(1, status="PENDING"),
    "approvals of a run": lambda records: records.approvals(1, run_id="r"),
    "audit of a run": lambda records: records.audit_trail(run_id="r"),
    "audit of a project": lambda records: records.audit_trail(project_id=1),
    "events": lambda records: records.received_events(1),
    "dead letters": lambda records: records.dead_letters(1),
    "dead letters of all": lambda records: records.dead_letters(),
    "artifacts": lambda records: records.artifacts("r"),
    "called runs": lambda records: records.called_runs("r"),
    "statistics": lambda records: records.statistics(1, SINCE),
    "run of a flow run": lambda records: records.run_of_flow_run("f"),
    "decided runs": lambda records: records.decided_runs(),
    "callers to wake": lambda records: records.callers_to_wake(),
    "orphaned runs": lambda records: records.orphaned_runs(),
    "granted runs": lambda records: records.granted_runs(),
    "asked for a slot": lambda records: records.have_asked(["f"]),
}


async def plans_of(records: Records, asked: Callable[[Any], Awaitable[object]]) -> list[str]:
    """The steps of the database's plan for each statement that is made, with the statement."""
    engine = records._db.engine  # pyright: ignore[reportPrivateUsage]
    seen: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.lstrip().startswith("SELECT"):
            seen.append((statement, parameters))

    event.listen(engine.sync_engine, "before_cursor_execute", note)
    try:
        await asked(records)
    finally:
        event.remove(engine.sync_engine, "before_cursor_execute", note)
    assert seen
    steps: list[str] = []
    async with engine.connect() as connection:
        sqlite = connection.dialect.name == "sqlite"
        if not sqlite:
            # On empty tables a scan is cheapest: it is to be taken only where there is no other way.
            await connection.exec_driver_sql("SET enable_seqscan = off")
        for statement, parameters in seen:
            how = "EXPLAIN QUERY PLAN" if sqlite else "EXPLAIN"
            found = await connection.exec_driver_sql(f"{how} {statement}", parameters)
            steps += [str(row[-1]) for row in found]
    return steps


def scans(steps: list[str]) -> list[str]:
    """Steps that read a growing table from its beginning to its end."""
    found: list[str] = []
    for step in steps:
        for table in GROWING:
            sqlite = step.startswith("SCAN ") and " USING " not in step and step.split()[1] == table
            if sqlite or f'Seq Scan on "{table}"' in step:
                found.append(step)
    return found


@pytest.mark.parametrize("what", ASKED)
async def test_no_list_reads_a_whole_table(url: str, what: str) -> None:
    async with await TriggerRecords.open(url) as records:
        steps = await plans_of(records, ASKED[what])
    assert scans(steps) == [], steps
