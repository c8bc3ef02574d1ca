"""A NATS connection that is never given up: the first attempt and every reconnect go on until they succeed."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

import nats.errors
from nats.aio.client import Client
from nats.aio.transport import TcpTransport
from nats.js import JetStreamContext

from reliability.cancellation import cancelled
from reliability.plaintext import refuse_plaintext
from reliability.tested_versions import require_tested
from reliability.tls import client_context
from triggers.nats.tls import tls_options

log = logging.getLogger(__name__)

CLIENT_NAME = "commandcenter-triggers"
PLATFORM_INBOX = "_COMMANDCENTER_INBOX"
"""What begins the subjects of answers to the platform, events out of its streams among them.

A publisher in the same account may subscribe to `_INBOX.>`, without which it hears no acknowledgement: so the platform
must not be answered there.
"""
_SILENT_SECONDS = 10.0


def jetstream(connection: Client) -> JetStreamContext:
    """JetStream on this connection."""
    return connection.jetstream()  # pyright: ignore[reportUnknownMemberType]


async def connect(url: str, *, on_reconnect: Sequence[Callable[[], None]] = ()) -> Client:
    """Connects, however long it takes. What `on_reconnect` holds is called whenever a lost connection is back."""
    attempts = _Attempts(_without_password(url), on_reconnect)
    while not cancelled():
        try:
            return await open_as_platform(
                url,
                name=CLIENT_NAME,
                connect_timeout=2,
                reconnect_time_wait=0.2,
                max_reconnect_attempts=-1,
                allow_reconnect=True,
                # Silence of a half-open connection is found within 15 seconds.
                ping_interval=5,
                max_outstanding_pings=2,
                disconnected_cb=attempts.lost,
                reconnected_cb=attempts.back,
                error_cb=attempts.failed,
            )
        except (nats.errors.Error, OSError, TimeoutError) as exc:
            # Above all a refused password: nats-py goes on by itself where nobody answers.
            await attempts.failed(exc)
            await asyncio.sleep(1)
    raise asyncio.CancelledError


async def open_as_platform(url: str, **options: Any) -> Client:
    """`open_once` with the platform's own credentials: publishers do not hear what it is answered."""
    return await open_once(url, inbox_prefix=PLATFORM_INBOX, **options)


async def open_once(url: str, **options: Any) -> Client:
    """One attempt: over TLS from the first byte where an authority for NATS is set, or as a `tls://` URL says.

    Raises PlaintextRefused, and what nats-py raises.
    """
    client = Client()
    if options.get("allow_reconnect") is False:
        # By itself nats-py tries each server sixty times, two seconds apart, also where it may not reconnect.
        options = {"max_reconnect_attempts": 1, "reconnect_time_wait": 0.1, **options}
    if tls := tls_options():
        client = _TlsClient()
        options |= tls
    else:
        refuse_plaintext(url, "nats")
        if "tls://" in url:
            client = _TlsClient()
            options["tls"] = client_context()
    try:
        await client.connect(url, **options)  # pyright: ignore[reportUnknownMemberType]
    except BaseException:
        # nats-py leaves a connection open that it could not begin to use; where TLS failed, the one below it.
        transport = client._transport  # pyright: ignore[reportPrivateUsage]
        for writer in ("_bare_io_writer", "_io_writer"):
            if (found := getattr(transport, writer, None)) is not None:
                found.close()
        raise
    return client


class _TlsTransport(TcpTransport):
    """A transport whose stream knows that it is over TLS.

    nats-py upgrades a connection without telling the new stream of it. At the end of the connection the stream then
    asks to be kept open, as only one in plain text can be, of which asyncio warns; nor does it hold back who sends too
    fast.
    """

    def __bool__(self) -> bool:
        # By itself one that is not connected yet counts as none, and nats-py puts its own in its place.
        return True

    async def connect_tls(self, *args: Any, **options: Any) -> None:
        await super().connect_tls(*args, **options)  # pyright: ignore[reportUnknownMemberType]
        assert self._io_writer is not None
        transport = self._io_writer.transport
        transport.get_protocol().connection_made(transport)


class _TlsClient(Client):
    """A client that sends nothing in plain text.

    nats-py sends user and password in plain text to a server of a `tls://` address that says it has no TLS, which
    whoever is on the way can say.
    """

    def __init__(self) -> None:
        require_tested("nats-py")
        super().__init__()
        self._transport = _TlsTransport()

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
        handshake_first = self.options["tls_handshake_first"]
        if initial_connection and not handshake_first and not info.get("tls_required"):
            raise nats.errors.Error("nats: the server has no TLS, and the address says tls://")
        await super()._process_info(info, initial_connection)  # pyright: ignore[reportUnknownMemberType]


class _Attempts:
    """What is logged of a connection: every change, and every tenth second why there is still none."""

    def __init__(self, server: str, on_reconnect: Sequence[Callable[[], None]]) -> None:
        self._server = server
        self._on_reconnect = on_reconnect
        self._silent_until = 0.0

    async def lost(self) -> None:
        log.warning("The connection to NATS at %s is lost; reconnecting", self._server)

    async def back(self) -> None:
        log.info("Connected to NATS at %s again", self._server)
        self._silent_until = 0.0
        for call in self._on_reconnect:
            call()

    async def failed(self, error: Exception) -> None:
        if time.monotonic() >= self._silent_until:
            self._silent_until = time.monotonic() + _SILENT_SECONDS
            log.warning("No NATS at %s (%s); trying again", self._server, error or type(error).__name__)


def hosts_of(url: str) -> str:
    """The servers of a URL as they may be told: without scheme, user and password."""
    return ", ".join(each.rpartition("@")[2].rpartition("//")[2] for each in url.split(","))


def _without_password(url: str) -> str:
    """The URL as it may be logged."""
    scheme, separator, rest = url.rpartition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"
