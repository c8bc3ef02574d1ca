"""Changes in; rows in the mission's tables, on SQLite or PostgreSQL, and events about them, out.

`await upgrade(url)` once at start, then `records = await Records.open(url)`.
"""

from typing import TYPE_CHECKING

from reliability.lazy_names import lazy_names

if TYPE_CHECKING:
    from records.all_records import Records
    from records.approvals.approval import (
        Approval,
        ApprovalStatus,
        AuditEntry,
        ClosedAs,
        Decision,
        DecisionValue,
    )
    from records.catalogue.versions import WorkflowDraft, WorkflowVersion
    from records.catalogue.workflow import Workflow, WorkflowStatus
    from records.database.migrate import upgrade
    from records.database.roles import make_roles
    from records.errors import (
        DatabaseUnavailable,
        LimitReached,
        NameRefused,
        NewerDatabase,
        NodeFinished,
        NotApproved,
        NotFound,
        NotMigrated,
        PayloadRefused,
        RecordsError,
        StaleAttempt,
        VersionConflict,
    )
    from records.events.changes import RecordChange
    from records.events.inbox import DeadLetter
    from records.events.outbox import OutboxEvent
    from records.events.received import EventOutcome, ReceivedEvent, event_cursor
    from records.runs.artifacts import RecordedArtifact
    from records.runs.run import AgentRun, EndStatus, NodeResult, NodeStatus, OpenStatus, Run, RunStatus
    from records.runs.run_logs import KeptLine
    from records.runs.run_pages import run_cursor
    from records.runs.slots import OtherRun, Slot
    from records.statistics import Durations, Statistics

__all__ = [
    "AgentRun",
    "Approval",
    "ApprovalStatus",
    "AuditEntry",
    "ClosedAs",
    "DatabaseUnavailable",
    "DeadLetter",
    "Decision",
    "DecisionValue",
    "Durations",
    "EndStatus",
    "EventOutcome",
    "KeptLine",
    "LimitReached",
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
    "ReceivedEvent",
    "RecordChange",
    "RecordedArtifact",
    "Records",
    "RecordsError",
    "Run",
    "RunStatus",
    "Slot",
    "StaleAttempt",
    "Statistics",
    "VersionConflict",
    "Workflow",
    "WorkflowDraft",
    "WorkflowStatus",
    "WorkflowVersion",
    "event_cursor",
    "make_roles",
    "run_cursor",
    "upgrade",
]

__getattr__ = lazy_names(
    __name__,
    {
        "all_records": "Records",
        "approvals.approval": "Approval ApprovalStatus AuditEntry ClosedAs Decision DecisionValue",
        "catalogue.versions": "WorkflowDraft WorkflowVersion",
        "catalogue.workflow": "Workflow WorkflowStatus",
        "database.migrate": "upgrade",
        "database.roles": "make_roles",
        "errors": (
            "DatabaseUnavailable LimitReached NameRefused NewerDatabase NodeFinished NotApproved "
            "NotFound NotMigrated PayloadRefused RecordsError StaleAttempt VersionConflict"
        ),
        "events.changes": "RecordChange",
        "events.inbox": "DeadLetter",
        "events.outbox": "OutboxEvent",
        "events.received": "EventOutcome ReceivedEvent event_cursor",
        "runs.artifacts": "RecordedArtifact",
        "runs.run": "AgentRun EndStatus NodeResult NodeStatus OpenStatus Run RunStatus",
        "runs.run_logs": "KeptLine",
        "runs.run_pages": "run_cursor",
        "runs.slots": "OtherRun Slot",
        "statistics": "Durations Statistics",
    },
)
