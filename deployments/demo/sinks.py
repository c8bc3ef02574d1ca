"""Local ends for what the demo's agents send: a mail server and a chat API that keep what they are given.

Real protocols on real sockets of this machine: the notifier speaks SMTP and HTTP to them exactly as it would to a
company's servers.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from email.policy import default as email_policy
from time import time
from typing import Any
from urllib.parse import parse_qs

from aiosmtpd.smtp import SMTP, Envelope, Session

MAX_REQUEST_BYTES = 1_000_000


@dataclass
class MailSink:
    """An SMTP server on 127.0.0.1 that keeps every message."""

    messages: list[Message] = field(default_factory=list[Message])
    port: int = 0
    _server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen on its port; a free one if that is 0."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: SMTP(self, enable_SMTPUTF8=True), "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Called by the SMTP server for each message."""
        content = envelope.content
        raw = content if isinstance(content, bytes) else (content or "").encode()
        self.messages.append(message_from_bytes(raw, policy=email_policy))
        return "250 OK"


@dataclass
class ChatSink:
    """An HTTP endpoint on 127.0.0.1 that answers like Slack's Web API and keeps every message."""

    messages: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    port: int = 0
    _server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen on its port; a free one if that is 0."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            body = await reader.readexactly(min(_content_length(head), MAX_REQUEST_BYTES))
            answer = json.dumps(self._answer(head, body)).encode()
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
                + f"Content-Length: {len(answer)}\r\n\r\n".encode()
                + answer
            )
            await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            return
        finally:
            writer.close()

    def _answer(self, head: str, body: bytes) -> dict[str, Any]:
        if "/chat.postMessage" not in head.split("\r\n", 1)[0]:
            return {"ok": False, "error": "unknown_method"}
        fields = _fields(head, body)
        stamp = f"{time():.6f}"
        self.messages.append(fields)
        return {"ok": True, "channel": fields.get("channel"), "ts": stamp, "message": {"text": fields.get("text")}}


def _content_length(head: str) -> int:
    for line in head.split("\r\n"):
        name, _, value = line.partition(":")
        if name.lower() == "content-length" and value.strip().isdigit():
            return int(value)
    return 0


def _fields(head: str, body: bytes) -> dict[str, Any]:
    if "application/json" in head.lower():
        return json.loads(body)
    return {name: values[-1] for name, values in parse_qs(body.decode()).items()}
