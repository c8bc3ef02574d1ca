"""NATS subjects: which are valid, which match, and the context schema of those the platform knows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from compiler.catalogue import JsonSchema

_TOKEN = re.compile(r"[^\s.*>\x00-\x1f\x7f]+")
MAX_SUBJECT = 255
OUTGOING = (
    "workflow.started.*",
    "workflow.completed.*",
    "workflow.approval.*",
    "agent.executed.*",
)
"""What the platform publishes: a workflow that it starts would start itself."""
RESERVED = ("$JS.>", "$SYS.>", "$KV.>", "$O.>", "_INBOX.>", "commandcenter.>")
"""NATS' own, and those between the platform's accounts."""


def collide(one: str, other: str) -> bool:
    """Whether some subject is matched by both."""
    ones, others = one.split("."), other.split(".")
    for left, right in zip(ones, others, strict=False):
        if left == ">" or right == ">":
            return True
        if left != right and "*" not in (left, right):
            return False
    return len(ones) == len(others)


def overlapped(subject: str) -> str | None:
    """Which of the subjects that no trigger may have it overlaps; None: none."""
    return next((ours for ours in (*OUTGOING, *RESERVED) if collide(subject, ours)), None)


def is_outgoing(subject: str) -> bool:
    """Whether it is one subject, without wildcards, of those that the platform publishes."""
    return subject_fault(subject, wildcards=False) is None and any(
        subject_matches(ours, subject) for ours in OUTGOING
    )


def subject_fault(subject: str, *, wildcards: bool = True) -> str | None:
    """Why this is no NATS subject, or None."""
    if not subject:
        return "it is empty"
    if len(subject) > MAX_SUBJECT:
        return f"it is longer than {MAX_SUBJECT} characters"
    tokens = subject.split(".")
    for index, token in enumerate(tokens):
        if not token:
            return "a dot has nothing before or after it"
        if token in ("*", ">") and not wildcards:
            return f"`{token}` is not allowed here"
        if token == ">" and index != len(tokens) - 1:
            return "`>` stands for all the rest and can only be the last part"
        if token not in ("*", ">") and not _TOKEN.fullmatch(token):
            return f"the part {token!r} holds white space, or a wildcard beside other characters"
    return None


def subject_matches(pattern: str, subject: str) -> bool:
    """Whether a message's subject fits the pattern: `*` is one part, `>` one or more at the end."""
    wanted, found = pattern.split("."), subject.split(".")
    for index, token in enumerate(wanted):
        if token == ">":
            return len(found) > index
        if index >= len(found) or token not in ("*", found[index]):
            return False
    return len(found) == len(wanted)


def _object(required: Mapping[str, Any], optional: Mapping[str, Any]) -> dict[str, Any]:
    """An event. Further fields may come, but templates may only use those named here: `additionalProperties: true`
    would make every slip of the pen a field."""
    nullable = {name: {"anyOf": [schema, {"type": "null"}]} for name, schema in optional.items()}
    return {
        "type": "object",
        "properties": {**required, **nullable},
        "required": sorted(required),
    }


_TEXT: dict[str, Any] = {"type": "string"}
_PROJECT: dict[str, Any] = {"type": "integer", "minimum": 1}
_WHEN: dict[str, Any] = {"type": "string", "format": "date-time"}

SCHEDULE_CONTEXT: JsonSchema = _object({"projectId": _PROJECT}, {"scheduledAt": _WHEN})
"""What a run started by cron gets; one that a person starts has no `scheduledAt`."""

KNOWN_CONTEXTS: Mapping[str, JsonSchema] = {
    "graph.file.updated": _object(
        {"projectId": _PROJECT, "filePath": _TEXT, "repositoryPath": _TEXT},
        {"branch": _TEXT, "commit": _TEXT, "previousCommit": _TEXT, "author": _TEXT, "updatedAt": _WHEN},
    ),
    "graph.symbol.changed": _object(
        {"projectId": _PROJECT, "symbol": _TEXT, "filePath": _TEXT},
        {
            "kind": _TEXT,
            "change": _TEXT,
            "repositoryPath": _TEXT,
            "branch": _TEXT,
            "commit": _TEXT,
            "previousCommit": _TEXT,
        },
    ),
    "audit.result.*": _object(
        {"projectId": _PROJECT, "severity": _TEXT, "findings": {"type": "array", "items": {"type": "object"}}},
        {"auditId": _TEXT, "status": _TEXT, "repositoryPath": _TEXT},
    ),
    "hub.health.status": _object(
        {"projectId": _PROJECT, "service": _TEXT, "status": _TEXT},
        {"previousStatus": _TEXT, "message": _TEXT, "checkedAt": _WHEN},
    ),
}
"""Subject -> schema of the event, which is the run's context."""


def known_context(event: str) -> JsonSchema | None:
    """The schema of events on that subject, where the platform knows them all to be of one shape."""
    for pattern, schema in KNOWN_CONTEXTS.items():
        if pattern == event or (">" not in event and subject_matches(pattern, event)):
            return schema
    return None
