"""Outbox -> NATS: every event in order, each under its message id, marked once the stream has it.

A crash between publishing and marking publishes the event again under the same id, which the stream drops.

The relay may publish everything, so a row is not what says where to: whoever can write to the database would else
manage streams with the platform's credentials, or speak for a publisher whom a gate trusts.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import nats.errors
from nats.aio.client import Client
from nats.js.errors import NoStreamResponseError
from sqlalchemy.exc import SQLAlchemyError

from compiler.trigger_types.subjects import is_outgoing
from operations.errors import TransientTriggerError
from records import RecordsError
from reliability.cancellation import cancelled
from reliability.fault_points import fault_point
from triggers.nats.connection import jetstream
from triggers.nats.outbox_watch import OutboxWatch
from triggers.nats.project_streams import outgoing_subject
from triggers.nats.streams import RESULTS, ensure_streams
from triggers.ports import Outbox, OutboxEvent

log = logging.getLogger(__name__)

BATCH = 100
_HEADERS_RESERVE = 1024
_SHORT = 1024
_ANSWER_SECONDS = 2.0


@dataclass(kw_only=True)
class Relay:
    """Publishes what the outbox holds until it is cancelled."""

    connection: Client
    outbox: Outbox
    watch: OutboxWatch = field(default_factory=OutboxWatch)

    async def run(self) -> None:
        """Publishes for ever; after a failure it goes on with the first event that was not published."""
        failures = 0
        while not cancelled():
            try:
                # Ask for more at once as long as there was a full batch.
                while await self.publish_pending() == BATCH and not cancelled():
                    pass
                failures = 0
                await self.watch.wait()
            except NoStreamResponseError:
                log.warning("Stream %s is gone; making it anew", RESULTS)
                failures += 1
                await self._make_streams()
                await asyncio.sleep(_pause(failures))
            except (nats.errors.Error, RecordsError, SQLAlchemyError, OSError, TimeoutError) as exc:
                failures += 1
                log.warning("Outgoing events wait: %s", exc or type(exc).__name__)
                await asyncio.sleep(_pause(failures))

    async def publish_pending(self) -> int:
        """Publishes one batch in order and gives its size. What the platform does not tell of is passed over."""
        events = await self.outbox.pending_events(BATCH)
        published: list[int] = []
        try:
            for event in events:
                if is_outgoing(event.subject):
                    await self._publish(event)
                else:
                    log.error(
                        "Outbox row %d is not published: its subject %.80r is none that the platform tells of, so "
                        "the row was written into the database by somebody else",
                        event.id,
                        event.subject,
                    )
                published.append(event.id)
        finally:
            if published:
                fault_point("outbox-published")
                await self.outbox.mark_published(published)
        return len(events)

    async def _publish(self, event: OutboxEvent) -> None:
        limit = self.connection.max_payload - _HEADERS_RESERVE
        data = encode(event.payload, limit=limit)
        await jetstream(self.connection).publish(
            event.subject,
            data,
            timeout=_ANSWER_SECONDS,
            stream=RESULTS,
            headers={"Nats-Msg-Id": event.message_id}
            | ({"traceparent": event.traceparent} if event.traceparent else {}),
        )
        # For whoever listens in the project's own account now; what is kept is in the stream.
        await self.connection.publish(outgoing_subject(event.project_id, event.subject), data)

    async def _make_streams(self) -> None:
        try:
            await ensure_streams(jetstream(self.connection))
        except (TransientTriggerError, nats.errors.Error, TimeoutError) as exc:
            log.warning("Outgoing events wait: %s", exc)


def encode(payload: Mapping[str, Any], *, limit: int) -> bytes:
    """The payload as JSON; one that NATS would not take is cut down to its short fields, and says so."""
    data = _dump(payload)
    if len(data) <= limit:
        return data
    short = {key: value for key, value in payload.items() if len(_dump(value)) <= _SHORT}
    log.warning("An outgoing event of %d bytes is cut to its short fields: NATS takes %d", len(data), limit)
    return _dump({**short, "truncated": True, "bytes": len(data)})


def _dump(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", errors="replace")


def _pause(failures: int) -> float:
    return min(5.0, 0.1 * 2 ** min(failures, 6))
