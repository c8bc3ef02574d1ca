"""A pull consumer's messages as they come, with a watchdog: silence, deletion and reconnects are noticed.

A pull request is forgotten when the server restarts, and a deleted consumer looks like an idle one. So every
request asks for heartbeats, and a connection that came back asks again at once.
"""

from __future__ import annotations

import asyncio
import json
from types import TracebackType

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from operations.errors import TransientTriggerError
from reliability.cancellation import cancelled

HEARTBEAT_SECONDS = 2.0
REQUEST_SECONDS = 30.0

_HEARTBEAT = "100"
_OVER = ("404", "408")
"""No messages; the request has expired."""
_RECONNECTED = object()


class ConsumerLost(TransientTriggerError):
    """The consumer does not answer or is gone; ensure that it exists and begin again."""


class Pull:
    """Asks for messages in bounded batches and hands them out one by one."""

    def __init__(
        self,
        connection: Client,
        *,
        stream: str,
        consumer: str,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
        request_seconds: float = REQUEST_SECONDS,
    ) -> None:
        self._connection = connection
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        self._name = f"{stream}/{consumer}"
        self._heartbeat = heartbeat_seconds
        self._expires = request_seconds
        self._arrived: asyncio.Queue[object] = asyncio.Queue()
        self._inbox = ""
        self._subscription: Subscription | None = None
        self._outstanding = 0

    async def __aenter__(self) -> Pull:
        self._inbox = self._connection.new_inbox()
        subscribe = self._connection.subscribe  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        self._subscription = await subscribe(self._inbox, cb=self._arrived.put)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._subscription is not None and not self._connection.is_closed:
            await self._subscription.unsubscribe()

    def reconnected(self) -> None:
        """The connection was lost and is back: whatever was asked for is forgotten."""
        self._arrived.put_nowait(_RECONNECTED)

    @property
    def asking(self) -> bool:
        """Whether messages that were asked for may still come."""
        return self._outstanding > 0

    async def ask(self, batch: int) -> None:
        """Asks the server for up to `batch` messages."""
        request = {
            "batch": batch,
            "expires": int(self._expires * 1e9),
            "idle_heartbeat": int(self._heartbeat * 1e9),
        }
        await self._connection.publish(self._subject, json.dumps(request).encode(), reply=self._inbox)
        self._outstanding = batch

    async def next(self) -> Msg | None:
        """The next message, or None when it is time to ask again. Raises ConsumerLost."""
        while not cancelled():
            try:
                async with asyncio.timeout(2 * self._heartbeat + 1):
                    arrived = await self._arrived.get()
            except TimeoutError as exc:
                raise ConsumerLost(f"no heartbeat from consumer {self._name}") from exc
            if arrived is _RECONNECTED:
                self._outstanding = 0
                return None
            assert isinstance(arrived, Msg)
            status = (arrived.headers or {}).get("Status")
            if status is None or arrived.data or arrived.reply.startswith("$JS.ACK"):
                self._outstanding = max(0, self._outstanding - 1)
                return arrived
            if status == _HEARTBEAT:
                continue
            self._outstanding = 0
            if status in _OVER:
                return None
            description = (arrived.headers or {}).get("Description", "")
            raise ConsumerLost(f"consumer {self._name} is gone: {status} {description}".rstrip())
        return None
