"""Changes in; rows in the mission's tables, on SQLite or PostgreSQL, and events about them, out.

`await upgrade(url)` once at start, then `records = await Records.open(url)`.
"""

from records.all_records import Records
from records.approvals.approval import Approval, ApprovalStatus, AuditEntry, ClosedAs, Decision, DecisionVerdict
from records.catalogue.workflow import Workflow, WorkflowStatus
from records.database.migrate import upgrade
from records.errors import (
    DatabaseUnavailable,
    NameRefused,
    NewerDatabase,
    NodeFinished,
    NotApproved,
    NotFound,
    NotMigrated,
    PayloadRefused,
    RecordsError,
    StaleAttempt,
)
from records.events.inbox import DeadLetter
from records.events.outbox import OutboxEvent
from records.runs.artifacts import Artifact
from records.runs.run import AgentRun, EndStatus, NodeResult, NodeStatus, OpenStatus, Run, RunStatus
from records.runs.run_pages import run_cursor
from records.runs.slots import OtherRun, Slot

__all__ = [
    "AgentRun",
    "Approval",
    "ApprovalStatus",
    "Artifact",
    "AuditEntry",
    "ClosedAs",
    "DatabaseUnavailable",
    "DeadLetter",
    "Decision",
    "DecisionVerdict",
    "EndStatus",
    "NameRefused",
    "NewerDatabase",
    "NodeFinished",
    "NodeResult",
    "NodeStatus",
    "NotApproved",
    "NotFound",
    "NotMigrated",
    "OpenStatus",
    "OtherRun",
    "OutboxEvent",
    "PayloadRefused",
    "Records",
    "RecordsError",
    "Run",
    "RunStatus",
    "Slot",
    "StaleAttempt",
    "Workflow",
    "WorkflowStatus",
    "run_cursor",
    "upgrade",
]
