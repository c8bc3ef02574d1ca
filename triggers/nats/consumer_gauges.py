"""The listener's consumers -> how many messages wait, are worked on, and were delivered more than once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from nats.aio.client import Client

from observability.metrics.exposition import Gauge
from triggers.nats.connection import jetstream
from triggers.nats.stream_copies import our_streams
from triggers.nats.streams import CONSUMER, EVENTS


def consumer_gauges(connection: Client) -> Callable[[], Awaitable[Iterable[Gauge]]]:
    """A source for the page of metrics."""

    async def ask() -> Iterable[Gauge]:
        streams = [name for name in await our_streams(connection) if name.startswith(EVENTS)]
        infos = [await jetstream(connection).consumer_info(name, CONSUMER) for name in streams or [EVENTS]]
        numbers = (
            ("nats_pending", "Events in the streams that nobody has taken yet", "num_pending"),
            ("nats_in_hand", "Events that were delivered and not acknowledged yet", "num_ack_pending"),
            ("nats_redelivered", "Events in hand that were delivered before", "num_redelivered"),
        )
        return [
            Gauge(name=f"commandcenter_{name}", help=text, value=sum(getattr(info, field) or 0 for info in infos))
            for name, text, field in numbers
        ]

    return ask
