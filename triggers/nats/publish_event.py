"""An event of a program outside of the platform → its place in the stream, acknowledged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import nats.errors
import nats.js.errors

from compiler.trigger_types.subjects import subject_fault
from operations.errors import TriggerError
from triggers.nats.connection import hosts_of, jetstream, open_once

_SECONDS: Final = 10


class NotPublished(TriggerError):
    """The stream did not take the event. The message tells no password."""


@dataclass(frozen=True, kw_only=True)
class PublishedEvent:
    """Where an event lies. `duplicate`: the stream has had one of that id already, and keeps one."""

    stream: str
    sequence: int
    duplicate: bool


async def publish_event(url: str, subject: str, payload: bytes, *, event_id: str | None = None) -> PublishedEvent:
    """Publish and wait until the stream has it. `event_id`: the same one again is not taken twice within an hour.

    Raises NotPublished, and PlaintextRefused.
    """
    if fault := subject_fault(subject, wildcards=False):
        # NATS would take `a.*` by its letters, and no subscriber of `a.b` would see it.
        raise NotPublished(
            f"{subject!r} is not a NATS subject to publish on: {fault}; join parts with dots, as in graph.file.updated"
        )
    told: list[str] = []

    async def note(error: Exception) -> None:
        told.append(str(error))

    where = hosts_of(url)
    try:
        client = await open_once(
            url, name="commandcenter-publish", connect_timeout=_SECONDS, allow_reconnect=False, error_cb=note
        )
    except (OSError, ValueError, TimeoutError, nats.errors.Error) as exc:
        raise NotPublished(_refused(where, exc)) from exc
    try:
        headers = {"Nats-Msg-Id": event_id} if event_id else None
        answer = await jetstream(client).publish(subject, payload, timeout=_SECONDS, headers=headers)
    except nats.js.errors.NoStreamResponseError as exc:
        raise NotPublished(
            f"no stream takes {subject!r}: it is none of the platform's subjects, and no deployed workflow has it as "
            "its trigger; correct it, or deploy the workflow first"
        ) from exc
    except nats.js.errors.APIError as exc:
        raise NotPublished(f"NATS at {where} refuses the event: {exc.description}") from exc
    except (TimeoutError, nats.errors.Error) as exc:
        denied = any("permissions violation" in each.lower() for each in told)
        if denied:
            raise NotPublished(f"this publisher may not publish {subject!r}") from exc
        raise NotPublished(
            f"NATS at {where} has not said within {_SECONDS} s that it has the event ({exc or type(exc).__name__}): "
            "publish it again, with the same id"
        ) from exc
    finally:
        await client.close()
    return PublishedEvent(stream=answer.stream, sequence=answer.seq, duplicate=bool(answer.duplicate))


def _refused(where: str, exc: Exception) -> str:
    if "authorization" in str(exc).lower():
        return f"NATS at {where} refuses this publisher: it is revoked, or its password is not right"
    return f"no NATS answers at {where} ({exc or type(exc).__name__})"
