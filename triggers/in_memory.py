"""In-memory doubles of the ports: the rules of the records without a database."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import JsonValue

from compiler.plan import Plan
from records.projects.limits import ProjectLimits
from triggers.ports import DecidedRun


@dataclass(frozen=True, kw_only=True)
class MemoryEvent:
    """An outbox event."""

    id: int
    message_id: str
    subject: str
    payload: Mapping[str, Any]
    traceparent: str | None = None
    project_id: int = 1


@dataclass(frozen=True, kw_only=True)
class MemoryLetter:
    """A message that was given up."""

    subject: str
    payload: bytes
    reason: str
    project_id: int | None
    deliveries: int
    kind: str = "error"


@dataclass
class MemoryRecords:
    """Inbox, outbox and waiting runs in dictionaries."""

    plans: list[Plan] = field(default_factory=list[Plan])
    started: dict[tuple[str, int, str], str | None] = field(default_factory=dict[tuple[str, int, str], str | None])
    letters: dict[tuple[str, int], MemoryLetter] = field(default_factory=dict[tuple[str, int], MemoryLetter])
    received: dict[tuple[str, int], tuple[str, str, list[dict[str, Any]]]] = field(
        default_factory=dict[tuple[str, int], tuple[str, str, list[dict[str, Any]]]]
    )
    waiting: list[DecidedRun] = field(default_factory=list[DecidedRun])
    publishing: list[ProjectLimits] = field(default_factory=list[ProjectLimits])
    _outbox: dict[int, MemoryEvent] = field(default_factory=dict[int, MemoryEvent])
    _ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    async def active_plans(self, project_id: int | None = None) -> Sequence[Plan]:
        active = [plan for plan in self.plans if plan.status == "ACTIVE"]
        return [plan for plan in active if project_id in (None, plan.project_id)]

    async def event_projects(self) -> Sequence[ProjectLimits]:
        return list(self.publishing)

    async def event_recorded(self, stream: str, sequence: int, *, workflow: str = "") -> bool:
        return (stream, sequence, workflow) in self.started

    async def record_event(
        self,
        stream: str,
        sequence: int,
        *,
        subject: str,
        workflow: str = "",
        project_id: int | None = None,
        flow_run_id: str | None = None,
        context_digest: str | None = None,
        received_at: datetime | None = None,
        traceparent: str | None = None,
    ) -> bool:
        del subject, project_id, context_digest, received_at, traceparent
        fresh = (stream, sequence, workflow) not in self.started
        self.started.setdefault((stream, sequence, workflow), flow_run_id)
        return fresh

    async def receive_event(
        self,
        stream: str,
        sequence: int,
        *,
        subject: str,
        payload: bytes,
        outcome: str,
        project_id: int | None = None,
        looked: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        del payload, project_id
        self.received[stream, sequence] = (subject, outcome, [dict(each) for each in looked])

    async def dead_letter(
        self,
        stream: str,
        sequence: int,
        *,
        subject: str,
        payload: bytes,
        reason: str,
        project_id: int | None = None,
        deliveries: int = 0,
        kind: str = "error",
    ) -> bool:
        fresh = (stream, sequence) not in self.letters
        letter = MemoryLetter(
            subject=subject,
            payload=payload,
            reason=reason,
            project_id=project_id,
            deliveries=deliveries,
            kind=kind,
        )
        self.letters.setdefault((stream, sequence), letter)
        return fresh

    async def decided_runs(self) -> Sequence[DecidedRun]:
        return list(self.waiting)

    def add_event(self, subject: str, payload: Mapping[str, Any]) -> int:
        """Puts an event into the outbox, as a change would."""
        number = next(self._ids)
        event = MemoryEvent(id=number, message_id=f"event-{number}", subject=subject, payload=payload)
        self._outbox[event.id] = event
        return event.id

    async def pending_events(self, limit: int) -> Sequence[MemoryEvent]:
        return list(self._outbox.values())[:limit]

    async def mark_published(self, ids: Iterable[int]) -> None:
        for event_id in ids:
            self._outbox.pop(event_id, None)


@dataclass
class MemoryLaunch:
    """Remembers what it was asked to start; raises `fault` when one is set."""

    fault: Exception | None = None
    runs: dict[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    _by_key: dict[str, str] = field(default_factory=dict[str, str])

    async def start(
        self,
        plan: Plan,
        *,
        context: Mapping[str, JsonValue],
        trigger: str,
        triggered_by: str,
        idempotency_key: str | None,
        arrived: datetime | None = None,
    ) -> str:
        if self.fault is not None:
            raise self.fault
        key = idempotency_key or f"unkeyed-{len(self.runs)}"
        run = self._by_key.setdefault(key, f"run-{len(self.runs) + 1}")
        made = {"workflow": plan.name, "context": context, "trigger": trigger, "triggered_by": triggered_by}
        self.runs.setdefault(run, made)
        return run
