"""Column names in; table definitions out: seven of the mission's schema with our extra columns, and our own."""

from records.tables.events import CHANGE, DEAD_LETTER, OUTBOX, PROCESSED_EVENT, RECEIVED_EVENT
from records.tables.gates import APPROVAL_AUDIT, APPROVAL_VOTE, WORKFLOW_APPROVAL
from records.tables.measures import METRIC_TOTAL, RUN_ORIGIN, SPAN
from records.tables.people import (
    ACCESS_TOKEN,
    BROWSER_SESSION,
    CHANGE_REQUEST,
    PERSON,
    PERSON_LOGIN,
    PERSON_ROLE,
    SLACK_IDENTITY,
)
from records.tables.projects import EVENT_PUBLISHER, PROJECT_LIMITS
from records.tables.registry import AGENT, AGENT_BUNDLE, AGENT_CAPABILITY
from records.tables.runs import AGENT_RUN, ARTIFACT, NODE_STATE, PROPOSAL, RUN_LOG, RUN_SLOT, WORKFLOW_RUN
from records.tables.schema import METADATA
from records.tables.workflows import PLAN, WORKFLOW, WORKFLOW_DRAFT, WORKFLOW_NODE, WORKFLOW_VERSION

__all__ = [
    "ACCESS_TOKEN",
    "AGENT",
    "AGENT_BUNDLE",
    "AGENT_CAPABILITY",
    "AGENT_RUN",
    "APPROVAL_AUDIT",
    "APPROVAL_VOTE",
    "ARTIFACT",
    "BROWSER_SESSION",
    "CHANGE",
    "CHANGE_REQUEST",
    "DEAD_LETTER",
    "EVENT_PUBLISHER",
    "METADATA",
    "METRIC_TOTAL",
    "NODE_STATE",
    "OUTBOX",
    "PERSON",
    "PERSON_LOGIN",
    "PERSON_ROLE",
    "PLAN",
    "PROCESSED_EVENT",
    "PROJECT_LIMITS",
    "PROPOSAL",
    "RECEIVED_EVENT",
    "RUN_LOG",
    "RUN_ORIGIN",
    "RUN_SLOT",
    "SLACK_IDENTITY",
    "SPAN",
    "WORKFLOW",
    "WORKFLOW_APPROVAL",
    "WORKFLOW_DRAFT",
    "WORKFLOW_NODE",
    "WORKFLOW_RUN",
    "WORKFLOW_VERSION",
]
