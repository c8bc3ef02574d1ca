"""Every subject that the platform knows, in and out, with the schema that the code checks with, and an example."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import TypeAdapter

from compiler.trigger_types.subjects import KNOWN_CONTEXTS
from operations.event import ManualStart
from records.events.payloads import AgentExecuted, ApprovalDecided, ApprovalEvent, RunCompleted, RunStarted

_APPROVAL: Mapping[str, Any] = {
    "workflowRunId": "tz4a98xxat96iws9zmbrgj3a",
    "nodeId": "pfh0haxfpzowht3oi213cqos",
    "nodeKey": "create-fix-pr",
    "approvalId": "nc6bzmkmd014706rfda898to",
    "projectId": 1,
    "workflowName": "security-audit-deploy",
    "digest": "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
    "deadline": "2026-11-28T12:00:00+00:00",
    "link": "https://commandcenter.example.org/console/approvals/nc6bzmkmd014706rfda898to",
}


@dataclass(frozen=True, kw_only=True)
class Channel:
    """One subject, or one family of them."""

    subject: str
    """With `{parameter}` where a token varies."""
    direction: Literal["receive", "send"]
    """As the platform sees it."""
    message: str
    summary: str
    schema: Mapping[str, Any]
    example: Mapping[str, Any]
    parameters: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def name(self) -> str:
        """A key of the document, such as `workflowCompleted`."""
        words = re.sub(r"\{\w+\}", "", self.subject).strip(".").split(".")
        return words[0] + "".join(word.capitalize() for word in words[1:])

    @property
    def pattern(self) -> str:
        """As NATS writes it."""
        return re.sub(r"\{\w+\}", "*", self.subject)


def channels() -> tuple[Channel, ...]:
    """Every subject that the platform itself knows."""
    return (*_incoming(), *_outgoing())


def _incoming() -> tuple[Channel, ...]:
    examples: dict[str, dict[str, Any]] = {
        "graph.file.updated": {
            "projectId": 1,
            "filePath": "src/auth/login.py",
            "repositoryPath": "/srv/repositories/shop",
            "branch": "main",
            "commit": "4f2a9c0d1e8b7a6f5e4d3c2b1a0f9e8d7c6b5a49",
        },
        "graph.symbol.changed": {
            "projectId": 1,
            "symbol": "store_password",
            "filePath": "src/auth/login.py",
            "kind": "function",
            "change": "modified",
        },
        "audit.result.{result}": {
            "projectId": 1,
            "severity": "high",
            "findings": [{"rule": "weak-hash", "file": "src/auth/login.py"}],
        },
        "hub.health.status": {"projectId": 1, "service": "graph", "status": "down", "previousStatus": "up"},
    }
    said = {
        "graph.file.updated": ("FileUpdated", "A file of a repository has changed"),
        "graph.symbol.changed": ("SymbolChanged", "A function or a class has changed"),
        "audit.result.{result}": ("AuditResult", "An audit has ended"),
        "hub.health.status": ("HealthChanged", "The health of a service has changed"),
    }
    manual = Channel(
        subject="workflow.trigger.{workflowName}",
        direction="receive",
        message="TriggerWorkflow",
        summary="Start this workflow",
        schema=_with_project(TypeAdapter(ManualStart).json_schema()),
        example={"projectId": 1, "context": {"repositoryPath": "/srv/repositories/shop"}, "triggeredBy": "ann"},
        parameters={"workflowName": "The workflow's name."},
    )
    known = [
        Channel(
            subject=subject,
            direction="receive",
            message=said[subject][0],
            summary=said[subject][1],
            schema=KNOWN_CONTEXTS[re.sub(r"\{\w+\}", "*", subject)],
            example=example,
            parameters={"result": "Such as `pass` or `fail`."} if "{result}" in subject else {},
        )
        for subject, example in examples.items()
    ]
    return (manual, *known)


def _with_project(schema: dict[str, Any]) -> dict[str, Any]:
    """One of the two places of `projectId` is needed; which, the model does not say."""
    return {
        **schema,
        "anyOf": [
            {"required": ["projectId"]},
            {"required": ["context"], "properties": {"context": {"type": "object", "required": ["projectId"]}}},
        ],
    }


_STARTED: Mapping[str, Any] = {
    "workflowRunId": _APPROVAL["workflowRunId"],
    "workflowId": "d0tlr6y3p60m8qqjzv7h3w9n",
    "workflowName": "security-audit-deploy",
    "projectId": 1,
    "trigger": "graph.file.updated",
    "flowRunId": "6f2f3a4e-8d0f-4c57-9b39-0f3f6f1d2a11",
}
_RESULT: Mapping[str, Any] = {
    "agentName": "security-scanner",
    "output": {"summary": {"critical": 0}},
    "nodeKey": "scan",
    "item": None,
    "status": "SUCCESS",
}
_COMPLETED: Mapping[str, Any] = {
    **{name: _STARTED[name] for name in ("workflowRunId", "projectId", "workflowId", "workflowName")},
    "status": "SUCCESS",
    "results": [_RESULT],
    "outputs": None,
    "message": "",
    "skipped": ["create-fix-pr"],
}
_EXECUTED: Mapping[str, Any] = {
    "agentRunId": "k2q8xw5n0c7m4v1b9z3j6h8g",
    "agentName": "security-scanner",
    "projectId": 1,
    "workflowRunId": _APPROVAL["workflowRunId"],
    "nodeKey": "scan",
    "item": None,
    "attempt": 1,
    "status": "SUCCESS",
    "error": None,
    "durationMs": 840,
}
_DECIDED: Mapping[str, Any] = {**_APPROVAL, "status": "APPROVED", "by": "ann", "closedAs": None}


def _outgoing() -> tuple[Channel, ...]:
    approval = "workflow.approval"
    return (
        _sent(
            "workflow.started.{workflowId}",
            "RunStarted",
            "A run has begun",
            RunStarted,
            _STARTED,
            workflowId="Id of the workflow's row.",
        ),
        _sent(
            "workflow.completed.{workflowName}",
            "RunCompleted",
            "A run has ended",
            RunCompleted,
            _COMPLETED,
            workflowName="The workflow's name.",
        ),
        _sent(
            f"{approval}.requested", "ApprovalRequested", "A gate asks for a decision", ApprovalEvent, _APPROVAL
        ),
        _sent(f"{approval}.reminded", "ApprovalReminded", "Nobody has decided yet", ApprovalEvent, _APPROVAL),
        _sent(f"{approval}.escalated", "ApprovalEscalated", "The deadline has passed", ApprovalEvent, _APPROVAL),
        _sent(f"{approval}.decided", "ApprovalDecided", "A gate was decided", ApprovalDecided, _DECIDED),
        _sent(
            "agent.executed.{agentName}",
            "AgentExecuted",
            "An attempt of an agent has ended",
            AgentExecuted,
            _EXECUTED,
            agentName="The agent's name.",
        ),
    )


def _sent(
    subject: str,
    message: str,
    summary: str,
    payload: type,
    example: Mapping[str, Any],
    **parameters: str,
) -> Channel:
    return Channel(
        subject=subject,
        direction="send",
        message=message,
        summary=summary,
        schema=TypeAdapter(payload).json_schema(),
        example=example,
        parameters=parameters,
    )
