"""The listener's consumer -> how many messages wait, are worked on, and were delivered more than once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from nats.aio.client import Client

from observability.metrics.exposition import Gauge
from triggers.nats.connection import jetstream
from triggers.nats.streams import CONSUMER, EVENTS


def consumer_gauges(connection: Client) -> Callable[[], Awaitable[Iterable[Gauge]]]:
    """A source for the page of metrics."""

    async def ask() -> Iterable[Gauge]:
        info = await jetstream(connection).consumer_info(EVENTS, CONSUMER)
        numbers = (
            ("nats_pending", "Events in the stream that nobody has taken yet", info.num_pending),
            ("nats_in_hand", "Events that were delivered and not acknowledged yet", info.num_ack_pending),
            ("nats_redelivered", "Events in hand that were delivered before", info.num_redelivered),
        )
        return [Gauge(name=f"commandcenter_{name}", help=text, value=value or 0) for name, text, value in numbers]

    return ask
