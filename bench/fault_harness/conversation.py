"""The bytes of one connection -> which request changes something, and where its answer begins.

Only as much of each protocol as that needs: what it does not recognise is passed on and never dropped.
"""

from __future__ import annotations

import re
from typing import Protocol

_HTTP_CHANGE = re.compile(rb"(POST|PATCH|PUT|DELETE) (\S+) HTTP/1\.1\r\n")
_READS = (b"/filter", b"/count", b"/heartbeat", b"/logs/", b"/get_scheduled_flow_runs")
"""Endings of paths that are asked by POST and change nothing a run depends on."""
_IDS = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")
_NATS_REQUEST = re.compile(rb"(?:^|\r\n)H?PUB (\S+) (_INBOX\S+) \d")


class Conversation(Protocol):
    """One connection, as the proxy sees it."""

    def asks(self, data: bytes) -> str | None:
        """What the client's bytes want changed; None where they change nothing."""
        ...

    def answers(self, data: bytes) -> bool:
        """Whether the server's bytes say that the last change was made."""
        ...


class HttpConversation:
    """Prefect's API."""

    def asks(self, data: bytes) -> str | None:
        found = _HTTP_CHANGE.match(data)
        if found is None or found[2].endswith(_READS):
            return None
        path = _IDS.sub("…", found[2].decode().removeprefix("/api").partition("?")[0])
        return f"{found[1].decode()} {re.sub('/name/.*', '/name/…', path)}"

    def answers(self, data: bytes) -> bool:
        return data.startswith(b"HTTP/1.1 2")


class NatsConversation:
    """NATS with JetStream: a published message is acknowledged to an inbox of its own."""

    def __init__(self) -> None:
        self._inbox = b""

    def asks(self, data: bytes) -> str | None:
        for subject, inbox in _NATS_REQUEST.findall(data):
            if not subject.startswith(b"$JS"):
                self._inbox = inbox
                return f"publish {'.'.join(subject.decode().split('.')[:2])}"
        return None

    def answers(self, data: bytes) -> bool:
        return b"MSG " + self._inbox + b" " in data


class PostgresConversation:
    """PostgreSQL, without TLS as everywhere on one machine: the end of each transaction."""

    def asks(self, data: bytes) -> str | None:
        return "COMMIT" if b"COMMIT" in data else None

    def answers(self, data: bytes) -> bool:
        # What the server says of a transaction that it has rolled back instead is another word.
        return b"COMMIT\0" in data
