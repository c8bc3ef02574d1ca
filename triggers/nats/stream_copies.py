"""A JetStream stream -> its messages and the positions of its consumers, in one file; and back.

NATS makes the copy itself: messages keep their numbers, times and ids, and a consumer goes on where it was. The stream
keeps its time of creation, too, by which messages are known that have started their runs already.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from operations.errors import TransientTriggerError
from triggers.nats.connection import jetstream

PREFIX = "COMMANDCENTER_"
"""What the names of our streams begin with."""
_CHUNK = 64 * 1024
_SECONDS = 30.0


class StreamCopyFailed(TransientTriggerError):
    """NATS did not give or take a copy of a stream."""


@dataclass(frozen=True, kw_only=True)
class StreamCopy:
    """One stream in a copy."""

    name: str
    file: str
    config: Mapping[str, Any]
    """The stream's settings, as NATS says them."""
    state: Mapping[str, Any]
    """Numbers of its first and last message, and counts, as NATS says them."""

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> StreamCopy:
        """From its JSON form."""
        return cls(name=str(found["name"]), file=str(found["file"]), config=found["config"], state=found["state"])

    def as_json(self) -> dict[str, Any]:
        """Its JSON form."""
        return {"name": self.name, "file": self.file, "config": dict(self.config), "state": dict(self.state)}

    @property
    def messages(self) -> int:
        """How many messages it holds."""
        return int(self.state.get("messages", 0))


async def our_streams(connection: Client) -> list[str]:
    """Names of the streams of this platform. Raises StreamCopyFailed."""
    found: list[str] = []
    offset = 0
    try:
        while page := await jetstream(connection).streams_info(offset=offset):
            offset += len(page)
            found += [str(info.config.name) for info in page]
    except (nats.errors.Error, TimeoutError) as exc:
        raise StreamCopyFailed(f"JetStream does not answer ({exc or type(exc).__name__})") from exc
    return sorted(name for name in found if name.startswith(PREFIX))


async def save_stream(connection: Client, name: str, file: Path) -> StreamCopy:
    """Write the stream, as it is now, into a new file for its owner only. Raises StreamCopyFailed."""
    chunks: asyncio.Queue[Msg] = asyncio.Queue()
    inbox = connection.new_inbox()
    subscribe = connection.subscribe  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    subscription = await subscribe(inbox, cb=chunks.put)
    try:
        said = await _ask(connection, f"STREAM.SNAPSHOT.{name}", {"deliver_subject": inbox, "chunk_size": _CHUNK})
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            while chunk := await _next(chunks, name):
                await asyncio.to_thread(out.write, chunk.data)
                if chunk.reply:
                    # NATS sends on only when what it has sent arrived.
                    await chunk.respond(b"")
    finally:
        await subscription.unsubscribe()
    return StreamCopy(name=name, file=file.name, config=said["config"], state=said["state"])


async def load_stream(connection: Client, copy: StreamCopy, file: Path) -> None:
    """Make the stream anew from its file. Raises StreamCopyFailed, also where there is such a stream already."""
    request = {"config": dict(copy.config), "state": dict(copy.state)}
    said = await _ask(connection, f"STREAM.RESTORE.{copy.name}", request)
    subject = str(said["deliver_subject"])
    with file.open("rb") as source:
        while chunk := await asyncio.to_thread(source.read, _CHUNK):
            _refused(copy.name, await _request(connection, subject, chunk))
        done = _refused(copy.name, await _request(connection, subject, b""))
    state: Mapping[str, Any] = done.get("state") or {}
    if int(state.get("messages", -1)) != copy.messages:
        raise StreamCopyFailed(
            f"the stream {copy.name!r} came back with {state.get('messages')} messages, not {copy.messages}"
        )


async def _next(chunks: asyncio.Queue[Msg], name: str) -> Msg | None:
    """The next piece; None at the end."""
    try:
        async with asyncio.timeout(_SECONDS):
            chunk = await chunks.get()
    except TimeoutError as exc:
        raise StreamCopyFailed(f"NATS stopped in the middle of stream {name!r}") from exc
    if chunk.data:
        return chunk
    status = (chunk.headers or {}).get("Status", "204")
    if status != "204":
        description = (chunk.headers or {}).get("Description", "")
        raise StreamCopyFailed(f"NATS cannot copy stream {name!r}: {status} {description}".rstrip())
    return None


async def _ask(connection: Client, what: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
    found = await _request(connection, f"$JS.API.{what}", json.dumps(request).encode())
    return _refused(what.rpartition(".")[2], found)


async def _request(connection: Client, subject: str, data: bytes) -> bytes:
    try:
        return (await connection.request(subject, data, timeout=_SECONDS)).data
    except (nats.errors.Error, TimeoutError) as exc:
        raise StreamCopyFailed(f"NATS does not answer ({exc or type(exc).__name__})") from exc


def _refused(name: str, answer: bytes) -> Mapping[str, Any]:
    said: Mapping[str, Any] = cast("Mapping[str, Any]", json.loads(answer)) if answer else {}
    if error := said.get("error"):
        raise StreamCopyFailed(f"NATS refuses the stream {name!r}: {error.get('description', error)}")
    return said
