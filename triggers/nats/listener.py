"""Messages of a stream of events -> `Intake`, several side by side, and an answer to NATS for each.

A message is acknowledged only after its runs exist or its dead letter is written; whatever happens before that, it
is delivered again.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from dataclasses import dataclass, field

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from operations.errors import PermanentTriggerError, TransientTriggerError, TriggerError
from operations.launcher import NotDeployed
from records.projects.limits import ProjectLimits
from reliability.cancellation import cancelled
from reliability.fault_points import fault_point
from reliability.settings import EVENTS_AT_ONCE
from triggers.intake import GIVE_UP_AFTER, Intake
from triggers.nats.connection import jetstream
from triggers.nats.event_subjects import log_refusals, take_event_subjects
from triggers.nats.project_streams import MessageSource, project_config, project_stream
from triggers.nats.pull_consumer import Pull
from triggers.nats.stream_subjects import Refusal
from triggers.nats.streams import ACK_WAIT_SECONDS, CONSUMER, EVENTS, ensure_consumer, ensure_limited_stream

log = logging.getLogger(__name__)

LONGEST_DELAY = 30.0
SLOW_SECONDS, WHEN_SLOW = 0.25, 2
"""An event that takes longer finds Prefect or the database busy: fewer side by side leave room for other projects'."""


@dataclass(kw_only=True)
class Listener:
    """Runs until it is cancelled; survives restarts of NATS, of Prefect and of the database."""

    connection: Client
    intake: Intake
    at_once: int = EVENTS_AT_ONCE
    """Messages worked on side by side."""
    limits: ProjectLimits | None = None
    """Of the project whose publishers' events it takes; None: those of the platform's own account."""
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while messages are being taken."""
    _source: MessageSource = field(default_factory=lambda: MessageSource(stream=EVENTS))
    _pull: Pull | None = None
    _working: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])
    _free: asyncio.Event = field(default_factory=asyncio.Event)
    _refused: tuple[Refusal, ...] = ()
    _slow: bool = False
    """What the last event said."""

    async def run(self) -> None:
        """Takes messages for ever. On cancellation it finishes what it has begun."""
        failures = 0
        try:
            while not cancelled():
                try:
                    await self.ensure()
                    failures = 0
                    await self._consume()
                except (TransientTriggerError, nats.errors.Error, OSError, TimeoutError) as exc:
                    failures += 1
                    log.warning("Listening again after: %s", exc or type(exc).__name__)
                    await asyncio.sleep(min(5.0, 0.1 * 2 ** min(failures, 6)))
                finally:
                    self.ready.clear()
        finally:
            await self._finish()

    async def ensure(self) -> None:
        """Streams and consumer exist, and the events stream takes what the active workflows ask for."""
        streams = jetstream(self.connection)
        if self.limits is not None:
            identity = await ensure_limited_stream(streams, project_config(self.limits))
            self._source = MessageSource(stream=identity, project_id=self.limits.project_id)
            await ensure_consumer(streams, self.stream)
            return
        identity, refused = await take_event_subjects(streams, self.intake.inbox)
        self._source = MessageSource(stream=identity)
        if refused != self._refused:
            log_refusals(refused)
            self._refused = refused
        await ensure_consumer(streams)

    @property
    def stream(self) -> str:
        """Name of the stream."""
        return EVENTS if self.limits is None else project_stream(self.limits.project_id)

    def reconnected(self) -> None:
        """To be called when the connection came back."""
        if self._pull is not None:
            self._pull.reconnected()

    async def _consume(self) -> None:
        async with Pull(self.connection, stream=self.stream, consumer=CONSUMER) as pull:
            self._pull = pull
            try:
                while not cancelled():
                    if not pull.asking:
                        await pull.ask(await self._places())
                        self.ready.set()
                    message = await pull.next()
                    if message is not None:
                        self._begin(message)
            finally:
                self._pull = None

    async def _places(self) -> int:
        while len(self._working) >= self._most:
            self._free.clear()
            await self._free.wait()
        return self._most - len(self._working)

    @property
    def _most(self) -> int:
        return min(self.at_once, WHEN_SLOW) if self._slow else self.at_once

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
        fault_point("event-fetched")
        began = time.monotonic()
        handling = asyncio.ensure_future(self.intake.take(message, source=self._source))
        try:
            while not handling.done():
                await asyncio.wait({handling}, timeout=ACK_WAIT_SECONDS / 3)
                if not handling.done():
                    await message.in_progress()
        finally:
            handling.cancel()
            self._slow = time.monotonic() - began > SLOW_SECONDS
        try:
            handling.result()
        except PermanentTriggerError as exc:
            await self._bury(message, reason=str(exc), kind="not-an-event")
        except NotDeployed as exc:
            await self._again_or_bury(message, exc)
        except TransientTriggerError as exc:
            await self._again(message, exc)
        except Exception as exc:
            log.exception("Event %s met an unexpected error", message.subject)
            await self._again_or_bury(message, exc)
        else:
            await message.ack()

    async def _again_or_bury(self, message: Msg, exc: Exception) -> None:
        if message.metadata.num_delivered >= GIVE_UP_AFTER:
            kind = "not-deployed" if isinstance(exc, NotDeployed) else "error"
            await self._bury(message, reason=str(exc) or type(exc).__name__, kind=kind)
        else:
            await self._again(message, exc)

    async def _again(self, message: Msg, exc: Exception) -> None:
        deliveries = message.metadata.num_delivered
        log.warning("Event %s is tried again (delivery %d failed): %s", message.subject, deliveries, exc)
        await message.nak(delay=_delay(deliveries))

    async def _bury(self, message: Msg, *, reason: str, kind: str) -> None:
        try:
            await self.intake.bury(message, source=self._source, reason=reason, kind=kind)
        except TriggerError as exc:
            await self._again(message, exc)
        else:
            await message.term()


def _delay(deliveries: int) -> float:
    return min(LONGEST_DELAY, 0.25 * 2 ** min(deliveries, 10)) * random.uniform(0.8, 1.2)
