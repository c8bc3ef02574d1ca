"""The two JetStream streams and the listener's durable consumer, made or brought up to date.

The events stream is a work queue: a message leaves it once its runs exist, so a consumer that has to be made anew
sees only what is still to do. The results stream keeps what happened for readers that come later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
    StreamInfo,
)
from nats.js.errors import APIError, NotFoundError, ServiceUnavailableError

from compiler.trigger_types.subjects import OUTGOING
from operations.errors import TransientTriggerError
from triggers.nats.stream_subjects import INCOMING

EVENTS = "COMMANDCENTER_EVENTS"
RESULTS = "COMMANDCENTER_RESULTS"
OURS = (EVENTS, RESULTS)
"""What the names of our streams begin with."""
CONSUMER = "commandcenter-listener"
ACK_WAIT_SECONDS = 10.0
"""A listener that died holds its messages this long; one that works says so more often."""
MAX_ACK_PENDING = 256

_HOUR = 3600.0
_DAY = 24 * _HOUR
_GIBIBYTE = 1024**3


def events_config(subjects: Sequence[str] = INCOMING) -> StreamConfig:
    """The stream of incoming events; full, it refuses new ones rather than lose old ones."""
    return StreamConfig(
        name=EVENTS,
        description="Events that start workflows; each stays until its runs exist",
        subjects=list(subjects),
        retention=RetentionPolicy.WORK_QUEUE,
        storage=StorageType.FILE,
        discard=DiscardPolicy.NEW,
        max_bytes=_GIBIBYTE,
        max_age=30 * _DAY,
        duplicate_window=_HOUR,
    )


def results_config() -> StreamConfig:
    """The stream of outgoing events; the window is long because a relay may come back a day later."""
    return StreamConfig(
        name=RESULTS,
        description="What became of runs, agents and approvals",
        subjects=list(OUTGOING),
        retention=RetentionPolicy.LIMITS,
        storage=StorageType.FILE,
        discard=DiscardPolicy.OLD,
        max_bytes=_GIBIBYTE,
        max_age=7 * _DAY,
        duplicate_window=_DAY,
    )


def consumer_config() -> ConsumerConfig:
    """The durable pull consumer. No limit of deliveries: reaching one would drop the event without a word."""
    return ConsumerConfig(
        name=CONSUMER,
        durable_name=CONSUMER,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=ACK_WAIT_SECONDS,
        max_deliver=-1,
        max_ack_pending=MAX_ACK_PENDING,
    )


async def ensure_streams(jetstream: JetStreamContext, subjects: Sequence[str] = INCOMING) -> str:
    """Both streams exist and the first takes exactly `subjects`. Gives the identity of the events stream.

    The identity is name and time of creation: a stream that was deleted and made anew counts from 1 again, and its
    messages are not those that had the same numbers before.
    """
    info = await _ensure(jetstream, events_config(subjects))
    await _ensure(jetstream, results_config())
    return _identity(EVENTS, info)


async def ensure_limited_stream(jetstream: JetStreamContext, config: StreamConfig) -> str:
    """The stream exists with these subjects and limits. Gives its identity."""
    return _identity(config.name or "", await _ensure(jetstream, config, limits=True))


async def foreign_subjects(jetstream: JetStreamContext) -> tuple[str, ...]:
    """The subjects of all streams but ours: JetStream lets no two streams of an account share one."""
    found: list[StreamInfo] = []
    try:
        while page := await jetstream.streams_info(offset=len(found)):
            found += page
    except ServiceUnavailableError as exc:
        raise _no_jetstream() from exc
    others = [info for info in found if not (info.config.name or "").startswith(OURS)]
    return tuple(subject for info in others for subject in info.config.subjects or [])


async def ensure_consumer(jetstream: JetStreamContext, stream: str = EVENTS) -> None:
    """The consumer of that stream exists with the settings above."""
    add_consumer = jetstream.add_consumer  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    await add_consumer(stream, consumer_config())


def _identity(name: str, info: StreamInfo) -> str:
    return f"{name}@{info.created.isoformat()}" if info.created else name


async def _ensure(jetstream: JetStreamContext, config: StreamConfig, *, limits: bool = False) -> StreamInfo:
    """`limits`: those of a stream that is there are set as well; else they stay as somebody has set them."""
    name = config.name or ""
    try:
        info = await jetstream.stream_info(name)
        wanted = replace(info.config, subjects=config.subjects)
        if limits:
            wanted = replace(wanted, max_msgs=config.max_msgs, max_bytes=config.max_bytes)
        if _compared(wanted) == _compared(info.config):
            return info
        update_stream = jetstream.update_stream  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        return await update_stream(wanted)
    except NotFoundError:
        pass
    except ServiceUnavailableError as exc:
        raise _no_jetstream() from exc
    except APIError as exc:
        raise _refused(name, config, exc) from exc
    try:
        add_stream = jetstream.add_stream  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        return await add_stream(config)
    except APIError as exc:
        raise _refused(name, config, exc) from exc


def _compared(config: StreamConfig) -> tuple[frozenset[str], int | None, int | None]:
    return frozenset(config.subjects or []), config.max_msgs, config.max_bytes


def _no_jetstream() -> TransientTriggerError:
    return TransientTriggerError(
        "the NATS server has no JetStream: start it with `-js`, or enable it for the account"
    )


def _refused(name: str, config: StreamConfig, exc: APIError) -> TransientTriggerError:
    return TransientTriggerError(
        f"NATS refuses stream {name!r} with subjects {', '.join(config.subjects or [])}: "
        f"{exc.description or exc}; if another stream has one of these subjects, "
        "take it away there (`nats stream ls`)"
    )
