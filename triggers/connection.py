"""A NATS connection that is never given up: the first attempt and every reconnect go on until they succeed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

import nats
import nats.errors
from nats.aio.client import Client
from nats.js import JetStreamContext

log = logging.getLogger(__name__)

CLIENT_NAME = "commandcenter-triggers"


def jetstream(connection: Client) -> JetStreamContext:
    """JetStream on this connection."""
    return connection.jetstream()  # pyright: ignore[reportUnknownMemberType]


async def connect(url: str, *, on_reconnect: Sequence[Callable[[], None]] = ()) -> Client:
    """Connects, however long it takes. What `on_reconnect` holds is called whenever a lost connection is back."""

    async def lost() -> None:
        log.warning("The connection to NATS at %s is lost; reconnecting", url)

    async def back() -> None:
        log.info("Connected to NATS at %s again", url)
        for call in on_reconnect:
            call()

    async def failed(error: Exception) -> None:
        log.debug("NATS: %s", error or type(error).__name__)

    delay = 0.1
    while True:
        try:
            return await nats.connect(  # pyright: ignore[reportUnknownMemberType]
                url,
                name=CLIENT_NAME,
                connect_timeout=2,
                reconnect_time_wait=0.2,
                max_reconnect_attempts=-1,
                allow_reconnect=True,
                # Silence of a half-open connection is found within 15 seconds.
                ping_interval=5,
                max_outstanding_pings=2,
                disconnected_cb=lost,
                reconnected_cb=back,
                error_cb=failed,
            )
        except (nats.errors.Error, OSError, TimeoutError) as exc:
            log.warning("No NATS server at %s (%s); trying again", url, exc or type(exc).__name__)
            await asyncio.sleep(delay)
            delay = min(2.0, delay * 2)
