"""Connections that send their request head slowly, or never -> closed after some seconds.

Whoever opens connections and sends a byte now and then (Slowloris) would hold them for ever otherwise: uvicorn's time
limit is for connections on which nothing comes after an answer. Bodies have a limit of their own in `api.limits`.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

HEAD_SECONDS = 15.0
MAX_CONNECTIONS = 1_000
"""Requests and open streams at a time; one more is answered with 503."""
MAX_HEAD_BYTES = 32 * 1024


class ImpatientProtocol(H11Protocol):
    """HTTP/1.1 that closes a connection whose request head is not there in time."""

    head_seconds = HEAD_SECONDS
    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """The time begins."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """The time ends with a whole head, and begins again with the next one."""
        super().data_received(data)
        if self._is_answering() or self.transport.get_protocol() is not self:
            # In the second case it has become a websocket.
            self._stop_waiting()
        elif not self.transport.is_closing():
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        if self._waiting is None:
            self._waiting = self.loop.call_later(self.head_seconds, self._close)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _close(self) -> None:
        self._waiting = None
        if not self._is_answering():
            self.transport.close()

    def _is_answering(self) -> bool:
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return cycle is not None and not cycle.response_complete


LIMITS_WITH_WEBSOCKETS: dict[str, Any] = {
    "http": ImpatientProtocol,
    "limit_concurrency": MAX_CONNECTIONS,
    "h11_max_incomplete_event_size": MAX_HEAD_BYTES,
}
"""Settings of uvicorn, for a server that limits its websockets itself."""
LIMITS: dict[str, Any] = {
    **LIMITS_WITH_WEBSOCKETS,
    # There are none here, and an upgraded connection would know no limits.
    "ws": "none",
}
"""Settings of uvicorn, for a server that has none."""
