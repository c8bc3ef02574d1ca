"""Active workflows -> the events stream that takes the subjects of their event triggers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

import nats.errors
from nats.js import JetStreamContext

from compiler.plan import Plan
from compiler.trigger_types.registry import listeners
from operations.errors import TransientTriggerError
from reliability.plaintext import PlaintextRefused
from triggers.intake import answered
from triggers.nats.connection import jetstream, open_as_platform
from triggers.nats.project_streams import project_config
from triggers.nats.stream_subjects import Refusal, incoming
from triggers.nats.streams import ensure_limited_stream, ensure_streams, foreign_subjects
from triggers.ports import Inbox

log = logging.getLogger(__name__)
_NOW_SECONDS = 5.0


async def take_event_subjects(jetstream: JetStreamContext, inbox: Inbox) -> tuple[str, tuple[Refusal, ...]]:
    """Make the events stream take what all active workflows listen to.

    Gives the stream's identity and the triggers that were refused. The listener does this again and again; a deploy
    does it once, so that an event published right after it is not lost. Raises TransientTriggerError.
    """
    plans = await answered(inbox.active_plans(None))
    subjects, refused = incoming(plans, foreign=await foreign_subjects(jetstream))
    return await ensure_streams(jetstream, subjects), refused


async def refused_subjects(nats_url: str, inbox: Inbox, plans: Sequence[Plan]) -> tuple[Refusal, ...]:
    """Triggers of plans that are not deployed yet and that the events stream could not take; none where NATS is away.

    `plans` take the places of active ones of the same names.
    """
    mine = {(plan.project_id, plan.name) for plan in plans}
    asked = {(plan.name, each.event) for plan in plans for each in listeners(plan)}
    try:
        async with asyncio.timeout(_NOW_SECONDS):
            client = await open_as_platform(nats_url, connect_timeout=2, allow_reconnect=False)
            try:
                active = await answered(inbox.active_plans(None))
                others = [each for each in active if (each.project_id, each.name) not in mine]
                _, refused = incoming([*others, *plans], foreign=await foreign_subjects(jetstream(client)))
            finally:
                await client.close()
    except (nats.errors.Error, OSError, TimeoutError, TransientTriggerError, PlaintextRefused):
        return ()  # said by `take_subjects_now`
    return tuple(each for each in refused if (each.workflow, each.subject) in asked)


async def take_subjects_now(nats_url: str, inbox: Inbox, *, seconds: float = _NOW_SECONDS) -> bool:
    """Do it, and make the streams of projects, over a connection of its own.

    False, with a warning, where NATS does not answer within that time.

    The listener does it as well, within its refresh interval.
    """
    try:
        async with asyncio.timeout(seconds):
            client = await open_as_platform(nats_url, connect_timeout=2, allow_reconnect=False)
            try:
                _, refused = await take_event_subjects(jetstream(client), inbox)
                for limits in await answered(inbox.event_projects()):
                    await ensure_limited_stream(jetstream(client), project_config(limits))
            finally:
                await client.close()
    except (nats.errors.Error, OSError, TimeoutError, TransientTriggerError, PlaintextRefused) as exc:
        reason = exc or type(exc).__name__
        log.warning("Events published in the next seconds may find no stream: NATS did not answer (%s)", reason)
        return False
    log_refusals(refused)
    return True


def log_refusals(refused: tuple[Refusal, ...]) -> None:
    """One error line for each workflow that its subject keeps from being started by events."""
    for refusal in refused:
        log.error("Workflow %r cannot be started by %r: %s", refusal.workflow, refusal.subject, refusal.reason)
