"""Active workflows -> the events stream that takes the subjects of their event triggers."""

from __future__ import annotations

import logging

from nats.js import JetStreamContext

from triggers.intake import answered
from triggers.nats.stream_subjects import Refusal, incoming
from triggers.nats.streams import ensure_streams, foreign_subjects
from triggers.ports import Inbox

log = logging.getLogger(__name__)


async def take_event_subjects(jetstream: JetStreamContext, inbox: Inbox) -> tuple[str, tuple[Refusal, ...]]:
    """Make the events stream take what all active workflows listen to.

    Gives the stream's identity and the triggers that were refused. The listener does this again and again; a deploy
    does it once, so that an event published right after it is not lost. Raises TransientTriggerError.
    """
    plans = await answered(inbox.active_plans(None))
    subjects, refused = incoming(plans, foreign=await foreign_subjects(jetstream))
    return await ensure_streams(jetstream, subjects), refused


def log_refusals(refused: tuple[Refusal, ...]) -> None:
    """One error line for each workflow that its subject keeps from being started by events."""
    for refusal in refused:
        log.error("Workflow %r cannot be started by %r: %s", refusal.workflow, refusal.subject, refusal.reason)
