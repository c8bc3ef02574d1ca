"""Column names in; table definitions out: seven of the mission's schema with our extra columns, and our own."""

from records.tables.events import DEAD_LETTER, OUTBOX, PROCESSED_EVENT
from records.tables.gates import APPROVAL_AUDIT, APPROVAL_VOTE, WORKFLOW_APPROVAL
from records.tables.measures import AGENT_LOG, METRIC_TOTAL, RUN_ORIGIN, SPAN
from records.tables.registry import AGENT, AGENT_CAPABILITY
from records.tables.runs import AGENT_RUN, ARTIFACT, NODE_STATE, RUN_SLOT, WORKFLOW_RUN
from records.tables.schema import METADATA
from records.tables.workflows import PLAN, WORKFLOW, WORKFLOW_NODE

__all__ = [
    "AGENT",
    "AGENT_CAPABILITY",
    "AGENT_LOG",
    "AGENT_RUN",
    "APPROVAL_AUDIT",
    "APPROVAL_VOTE",
    "ARTIFACT",
    "DEAD_LETTER",
    "METADATA",
    "METRIC_TOTAL",
    "NODE_STATE",
    "OUTBOX",
    "PLAN",
    "PROCESSED_EVENT",
    "RUN_ORIGIN",
    "RUN_SLOT",
    "SPAN",
    "WORKFLOW",
    "WORKFLOW_APPROVAL",
    "WORKFLOW_NODE",
    "WORKFLOW_RUN",
]
