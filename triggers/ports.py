"""What the triggers need from the records, as small Protocols; `triggers.in_memory` holds the doubles."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from compiler.plan import Plan
from records import EventOutcome
from records.projects.limits import ProjectLimits


class OutboxEvent(Protocol):
    """One event that was written in the transaction of the change it tells of."""

    @property
    def id(self) -> int:
        """What `mark_published` takes."""
        ...

    @property
    def message_id(self) -> str:
        """Unique for ever; becomes the `Nats-Msg-Id`."""
        ...

    @property
    def project_id(self) -> int: ...

    @property
    def subject(self) -> str: ...

    @property
    def payload(self) -> Mapping[str, Any]: ...

    @property
    def traceparent(self) -> str | None:
        """The trace of the change; None without tracing."""
        ...


@dataclass(frozen=True, kw_only=True)
class DecidedRun:
    """A run that waits for people although at least one of its questions is settled."""

    run_id: str
    flow_run_id: str
    settled: frozenset[str]
    """Ids of the approvals that are decided or were replaced by another question."""


class Inbox(Protocol):
    """Where an event is remembered, so that it starts each of its workflows once."""

    def active_plans(self, project_id: int | None = None) -> Awaitable[Sequence[Plan]]:
        """Current plan of each active workflow, of one project or of all."""
        ...

    def event_projects(self) -> Awaitable[Sequence[ProjectLimits]]:
        """What each project may use that has publishers of its own."""
        ...

    def event_recorded(self, stream: str, sequence: int, *, workflow: str = "") -> Awaitable[bool]:
        """Whether this message has started this workflow already."""
        ...

    def record_event(
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
    ) -> Awaitable[bool]:
        """Notes that it has; False when that was noted before."""
        ...

    def receive_event(
        self,
        stream: str,
        sequence: int,
        *,
        subject: str,
        payload: bytes,
        outcome: EventOutcome,
        project_id: int | None = None,
        looked: Sequence[Mapping[str, Any]] = (),
    ) -> Awaitable[None]:
        """Notes what came in and what became of it; a later delivery overwrites what became of the one before."""
        ...

    def dead_letter(
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
    ) -> Awaitable[bool]:
        """Keeps a message that was given up, with the reason; a second one of the same message changes nothing."""
        ...


class Outbox(Protocol):
    """Where changes leave the events that tell of them."""

    def pending_events(self, limit: int) -> Awaitable[Sequence[OutboxEvent]]:
        """The oldest unpublished events, in order."""
        ...

    def mark_published(self, ids: Iterable[int]) -> Awaitable[None]:
        """These are on NATS."""
        ...


class DecidedRuns(Protocol):
    """Which waiting runs have something to go on with."""

    def decided_runs(self) -> Awaitable[Sequence[DecidedRun]]: ...


class TriggerPorts(Inbox, Outbox, DecidedRuns, Protocol):
    """All that the triggers need from the records."""
