"""NATS messages -> runs, exactly once in effect. Reading order: decode, find, start, acknowledge.

A message is acknowledged only after its runs exist or its dead letter is written. Whatever happens in between,
it is delivered again, and then the inbox row and the run's idempotency key turn the second time into nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import random
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import TypeVar

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from sqlalchemy.exc import DataError, SQLAlchemyError

from compiler.plan import Plan
from records import PayloadRefused, RecordsError
from triggers.connection import jetstream
from triggers.event import MAX_BYTES, MAX_DEPTH, Event, parse
from triggers.faults import Permanent, Transient
from triggers.launcher import NotDeployed, idempotency_key
from triggers.ports import Inbox, Launch
from triggers.pull import Pull
from triggers.routing import Matches, route
from triggers.streams import ACK_WAIT_SECONDS, CONSUMER, EVENTS, ensure_consumer, ensure_streams
from triggers.subjects import Refusal, incoming

log = logging.getLogger(__name__)

AT_ONCE = 8
"""Messages worked on side by side."""
LONGEST_DELAY = 30.0
GIVE_UP_AFTER = 8
"""Deliveries after which a missing deployment or an unexpected error becomes a dead letter (about a minute)."""
_MESSAGE_ID = "Nats-Msg-Id"
T = TypeVar("T")


@dataclass(kw_only=True)
class Listener:
    """Runs until it is cancelled; survives restarts of NATS, of Prefect and of the database."""

    connection: Client
    inbox: Inbox
    launch: Launch
    matches: Matches
    at_once: int = AT_ONCE
    max_bytes: int = MAX_BYTES
    max_depth: int = MAX_DEPTH
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while messages are being taken."""
    _stream: str = EVENTS
    _pull: Pull | None = None
    _working: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])
    _free: asyncio.Event = field(default_factory=asyncio.Event)
    _refused: tuple[Refusal, ...] = ()

    async def run(self) -> None:
        """Takes messages for ever. On cancellation it finishes what it has begun."""
        failures = 0
        try:
            while True:
                try:
                    await self.ensure()
                    failures = 0
                    await self._consume()
                except (Transient, nats.errors.Error, OSError, TimeoutError) as exc:
                    failures += 1
                    log.warning("Listening again after: %s", exc or type(exc).__name__)
                    await asyncio.sleep(min(5.0, 0.1 * 2 ** min(failures, 6)))
                finally:
                    self.ready.clear()
        finally:
            await self._finish()

    async def ensure(self) -> None:
        """Streams and consumer exist, and the events stream takes what the active workflows ask for."""
        subjects, refused = incoming(await _database(self.inbox.active_plans(None)))
        if refused != self._refused:
            for refusal in refused:
                log.error(
                    "Workflow %r cannot be started by %r: %s", refusal.workflow, refusal.subject, refusal.reason
                )
            self._refused = refused
        streams = jetstream(self.connection)
        self._stream = await ensure_streams(streams, subjects)
        await ensure_consumer(streams)

    def reconnected(self) -> None:
        """To be called when the connection came back."""
        if self._pull is not None:
            self._pull.reconnected()

    async def _consume(self) -> None:
        async with Pull(self.connection, stream=EVENTS, consumer=CONSUMER) as pull:
            self._pull = pull
            try:
                while True:
                    if not pull.asking:
                        await pull.ask(await self._places())
                        self.ready.set()
                    message = await pull.next()
                    if message is not None:
                        self._begin(message)
            finally:
                self._pull = None

    async def _places(self) -> int:
        while len(self._working) >= self.at_once:
            self._free.clear()
            await self._free.wait()
        return self.at_once - len(self._working)

    def _begin(self, message: Msg) -> None:
        task = asyncio.create_task(self._work(message))
        self._working.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._working.discard(task)
        self._free.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            # The acknowledgement itself failed: the message is delivered again.
            log.warning("A message stays unacknowledged: %s", error or type(error).__name__)

    async def _finish(self) -> None:
        if not self._working:
            return
        _, late = await asyncio.wait(self._working, timeout=5)
        for task in late:
            task.cancel()

    async def _work(self, message: Msg) -> None:
        """One delivery, from decoding to acknowledgement."""
        handling = asyncio.ensure_future(self._handle(message))
        try:
            while not handling.done():
                await asyncio.wait({handling}, timeout=ACK_WAIT_SECONDS / 3)
                if not handling.done():
                    await message.in_progress()
        finally:
            handling.cancel()
        try:
            handling.result()
        except Permanent as exc:
            await self._bury(message, reason=str(exc))
        except NotDeployed as exc:
            await self._again_or_bury(message, exc)
        except Transient as exc:
            await self._again(message, exc)
        except Exception as exc:
            log.exception("Event %s met an unexpected error", message.subject)
            await self._again_or_bury(message, exc)
        else:
            await message.ack()

    async def _again_or_bury(self, message: Msg, exc: Exception) -> None:
        if message.metadata.num_delivered >= GIVE_UP_AFTER:
            await self._bury(message, reason=str(exc) or type(exc).__name__)
        else:
            await self._again(message, exc)

    async def _again(self, message: Msg, exc: Exception) -> None:
        deliveries = message.metadata.num_delivered
        log.warning("Event %s is tried again (delivery %d failed): %s", message.subject, deliveries, exc)
        await message.nak(delay=_delay(deliveries))

    async def _handle(self, message: Msg) -> None:
        """Starts all that the event starts; raises Transient as long as one of them may start later."""
        event = parse(message.subject, message.data, max_bytes=self.max_bytes, max_depth=self.max_depth)
        plans = await _database(self.inbox.active_plans(event.project_id))
        given_up: list[str] = []
        later: list[Transient] = []
        for plan in route(event, plans, self.matches):
            # One workflow that cannot start must not keep the others from starting.
            try:
                await self._start(plan, event, message)
            except Permanent as exc:
                given_up.append(str(exc))
            except NotDeployed as exc:
                if message.metadata.num_delivered < GIVE_UP_AFTER:
                    later.append(exc)
                else:
                    given_up.append(str(exc))
            except Transient as exc:
                later.append(exc)
        if later:
            raise later[0]
        if given_up:
            await self._letter(message, reason="; ".join(given_up), project_id=event.project_id)

    async def _start(self, plan: Plan, event: Event, message: Msg) -> None:
        stream, sequence = identity(self._stream, message)
        if await _database(self.inbox.event_recorded(stream, sequence, workflow=plan.name)):
            log.info("Event %s has started %r before", event.subject, plan.name)
            return
        run = await self.launch.start(
            plan,
            context=event.context,
            trigger=event.subject,
            triggered_by=event.triggered_by,
            idempotency_key=idempotency_key(stream, sequence, plan.name),
        )
        await _database(
            self.inbox.record_event(
                stream,
                sequence,
                subject=event.subject,
                workflow=plan.name,
                project_id=event.project_id,
                flow_run_id=run,
            )
        )
        log.info("Event %s of project %d started %r as run %s", event.subject, event.project_id, plan.name, run)

    async def _bury(self, message: Msg, *, reason: str) -> None:
        try:
            await self._letter(message, reason=reason)
        except Transient as exc:
            await self._again(message, exc)
        else:
            await message.term()

    async def _letter(self, message: Msg, *, reason: str, project_id: int | None = None) -> None:
        sequence = message.metadata.sequence.stream
        log.error("Event %s (message %d) is a dead letter: %s", message.subject, sequence, reason)
        await _database(
            self.inbox.dead_letter(
                self._stream,
                sequence,
                subject=message.subject,
                payload=message.data,
                reason=reason,
                project_id=project_id,
                deliveries=message.metadata.num_delivered,
            )
        )


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


async def _database(asked: Awaitable[T]) -> T:
    """What the records answer; their failing is never the event's fault."""
    try:
        return await asked
    except (DataError, PayloadRefused) as exc:
        raise Permanent(f"the database cannot keep the event: {str(exc)[:200]}") from exc
    except (RecordsError, SQLAlchemyError, OSError) as exc:
        raise Transient(f"the database does not answer ({type(exc).__name__}: {str(exc)[:200]})") from exc


def _delay(deliveries: int) -> float:
    return min(LONGEST_DELAY, 0.25 * 2 ** min(deliveries, 10)) * random.uniform(0.8, 1.2)
