"""A message -> the runs it starts, each once in effect: decode, find, start, record.

Done twice, it starts nothing twice: the inbox row says what was started, and where a crash kept that row from being
written, the run's idempotency key leads to the run that is there.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from nats.aio.msg import Msg
from sqlalchemy.exc import DataError, SQLAlchemyError

from compiler.plan import Plan
from compiler.trigger_types.registry import context_digest, started_context
from operations.deployment_names import idempotency_key
from operations.errors import PermanentTriggerError, TransientTriggerError
from operations.event import Event, parse
from operations.launcher import NotDeployed
from operations.project_queues import queue_of
from operations.routing import Matches, route
from operations.start_run import Launch
from records import EventOutcome, PayloadRefused, RecordsError
from reliability.fault_points import fault_point
from reliability.settings import MAX_EVENT_BYTES, MAX_EVENT_DEPTH
from reliability.turns import LANE
from triggers.arrival_order import Arrival, ArrivalOrder
from triggers.nats.project_streams import MessageSource
from triggers.ports import Inbox

log = logging.getLogger(__name__)

GIVE_UP_AFTER = 8
"""Deliveries after which a missing deployment or an unexpected error becomes a dead letter (about a minute)."""
_MESSAGE_ID = "Nats-Msg-Id"
_TRACEPARENT = "traceparent"
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Intake:
    """What is done with one message; says nothing to NATS."""

    inbox: Inbox
    launch: Launch
    matches: Matches
    max_bytes: int = MAX_EVENT_BYTES
    max_depth: int = MAX_EVENT_DEPTH
    _order: ArrivalOrder = field(default_factory=ArrivalOrder)

    async def take(self, message: Msg, *, source: MessageSource) -> None:
        """Starts all that the event starts.

        Raises Transient as long as something may start later, Permanent when the message is no event.
        """
        with self._order.arrive() as arrival:
            await self._take(message, arrival, source=source)

    async def _take(self, message: Msg, arrival: Arrival, *, source: MessageSource) -> None:
        event = await asyncio.to_thread(
            parse,
            source.subject(message),
            message.data,
            max_bytes=self.max_bytes,
            max_depth=self.max_depth,
            project_id=source.project_id,
            publisher=source.publisher(message),
        )
        LANE.set(queue_of(event.project_id))  # each message is a task of its own
        plans = await answered(self.inbox.active_plans(event.project_id))
        try:
            # Filters of many workflows, and schemas: other events go on meanwhile.
            started = await asyncio.to_thread(route, event, plans, self.matches)
        except PermanentTriggerError as exc:
            await self.bury(
                message,
                source=source,
                reason=str(exc),
                kind="no-workflow",
                project_id=event.project_id,
                looked=_seen(plans),
            )
            return
        arrival.route(_turn_of(plan) for plan in started)
        given_up: list[str] = []
        kind = "refused"
        later: list[TransientTriggerError] = []
        looked = {each["workflow"]: each for each in _seen(plans)}
        for plan in started:
            looked[plan.name]["matched"] = True
            # One workflow that cannot start must not keep the others from starting.
            try:
                if plan.concurrency is not None:
                    await arrival.turn(_turn_of(plan))
                looked[plan.name]["flowRunId"] = await self._start(
                    plan, event, message, identity(source.stream, message)
                )
            except PermanentTriggerError as exc:
                looked[plan.name]["error"] = str(exc)
                given_up.append(str(exc))
            except NotDeployed as exc:
                looked[plan.name]["error"] = str(exc)
                if message.metadata.num_delivered < GIVE_UP_AFTER:
                    later.append(exc)
                else:
                    given_up.append(str(exc))
                    kind = "not-deployed"
            except TransientTriggerError as exc:
                looked[plan.name]["error"] = str(exc)
                later.append(exc)
            finally:
                arrival.past(_turn_of(plan))
        outcome: EventOutcome = "later" if later else "started" if started else "matched nothing"
        if later or not given_up:
            await self._receive(message, event.project_id, source=source, outcome=outcome, looked=looked.values())
        if later:
            raise later[0]
        if given_up:
            await self.bury(
                message,
                source=source,
                reason="; ".join(given_up),
                kind=kind,
                project_id=event.project_id,
                looked=looked.values(),
            )

    async def _receive(
        self,
        message: Msg,
        project_id: int | None,
        *,
        source: MessageSource,
        outcome: EventOutcome,
        looked: Iterable[Mapping[str, Any]],
    ) -> None:
        """What came in and what became of it, for the person who asks why nothing started."""
        # Not the identity: a message that its publisher sends again is shown twice, as it came twice.
        await answered(
            self.inbox.receive_event(
                source.stream,
                message.metadata.sequence.stream,
                subject=source.subject(message),
                payload=message.data,
                outcome=outcome,
                project_id=project_id,
                looked=list(looked),
            )
        )

    async def _start(self, plan: Plan, event: Event, message: Msg, key: tuple[str, int]) -> str | None:
        """The flow run; None where the message had started one before."""
        stream, sequence = key
        if await answered(self.inbox.event_recorded(stream, sequence, workflow=plan.name)):
            log.info("Event %s has started %r before", event.subject, plan.name)
            return None
        run = await self.launch.start(
            plan,
            context=event.context,
            trigger=event.subject,
            triggered_by=event.triggered_by,
            idempotency_key=idempotency_key(stream, sequence, plan.name),
            arrived=message.metadata.timestamp,
        )
        fault_point("run-created")
        given = {**event.context, "projectId": plan.project_id}
        # Only a gate that trusts triggers asks for it, and the context may be large.
        trusting = any(node.gate is not None and node.gate.trusted_triggers for node in plan.nodes)
        started = started_context(plan, event.subject, given)
        digest = await asyncio.to_thread(context_digest, started) if trusting else None
        await answered(
            self.inbox.record_event(
                stream,
                sequence,
                subject=event.subject,
                workflow=plan.name,
                project_id=event.project_id,
                flow_run_id=run,
                context_digest=digest,
                received_at=message.metadata.timestamp,
                traceparent=(message.headers or {}).get(_TRACEPARENT),
            )
        )
        fault_point("inbox-written")
        log.info("Event %s of project %d started %r as run %s", event.subject, event.project_id, plan.name, run)
        return run

    async def bury(
        self,
        message: Msg,
        *,
        source: MessageSource,
        reason: str,
        kind: str,
        project_id: int | None = None,
        looked: Iterable[Mapping[str, Any]] = (),
    ) -> None:
        """Keeps the message as a dead letter. Raises Transient when it cannot be kept now.

        `kind`: one of `observability.metrics.definitions.DEAD_LETTER_REASONS`.
        """
        sequence = message.metadata.sequence.stream
        subject = source.subject(message)
        project_id = source.project_id if project_id is None else project_id
        log.error("Event %s (message %d) is a dead letter: %s", subject, sequence, reason)
        await answered(
            self.inbox.dead_letter(
                source.stream,
                sequence,
                subject=subject,
                payload=message.data,
                reason=reason,
                project_id=project_id,
                deliveries=message.metadata.num_delivered,
                kind=kind,
            )
        )
        await self._receive(message, project_id, source=source, outcome="dead letter", looked=looked)


def _turn_of(plan: Plan) -> str:
    """What has an order of arrival: a workflow of one project, whatever others call theirs."""
    return f"{plan.project_id}/{plan.name}"


def _seen(plans: Sequence[Plan]) -> list[dict[str, Any]]:
    """The workflows that are looked at."""
    return [{"workflow": plan.name, "digest": plan.digest, "matched": False} for plan in plans]


def identity(stream: str, message: Msg) -> tuple[str, int]:
    """What makes a message the same event: its place in the stream, or what its publisher says.

    The stream drops a second message with the same `Nats-Msg-Id` only within its window; here it is dropped for
    ever, if subject and content are the same too (some publishers count their ids from 1 after each start).
    """
    message_id = (message.headers or {}).get(_MESSAGE_ID)
    if message_id is None:
        return stream, message.metadata.sequence.stream
    said = "\n".join((message_id, message.subject)).encode() + b"\n" + message.data
    return f"{_MESSAGE_ID}:{hashlib.sha256(said).hexdigest()}", 0


async def answered(asked: Awaitable[T]) -> T:
    """What the records answer; their failing is never the event's fault."""
    try:
        return await asked
    except (DataError, PayloadRefused) as exc:
        raise PermanentTriggerError(f"the database cannot keep the event: {str(exc)[:200]}") from exc
    except (RecordsError, SQLAlchemyError, OSError) as exc:
        raise TransientTriggerError(
            f"the database does not answer ({type(exc).__name__}: {str(exc)[:200]})"
        ) from exc
