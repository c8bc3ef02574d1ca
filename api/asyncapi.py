"""Subjects and payloads of all events, in and out -> an AsyncAPI 3 document."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from importlib.metadata import version
from typing import Any, cast

from fastapi import APIRouter

from api.event_channels import Channel, channels
from reliability.settings import MAX_EVENT_BYTES

router = APIRouter(include_in_schema=False)

Document = dict[str, Any]
DESCRIPTION = f"""Events over NATS JetStream: what starts runs, and what runs tell.

Payloads are JSON objects of at most {MAX_EVENT_BYTES // 1024} KiB. Each belongs to one project, `projectId`, which a
publisher with a project of its own (`commandcenter publishers add`) may leave out. A message that comes in is written
to the inbox before it is acknowledged, so it starts its runs once, however often it is delivered. What goes out carries
a `Nats-Msg-Id`, which is the same when it is sent again, and with tracing a `traceparent`. A workflow may ask for
subjects of its own besides: `trigger: {{event: orders.created}}` makes the stream take them."""


def asyncapi_document() -> Document:
    """The document. Schemas are those that the code checks with, so it cannot say anything else."""
    found = channels()
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "CommandCenter events",
            "version": version("commandcenter-automation"),
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "nats": {
                "host": "127.0.0.1:4222",
                "protocol": "nats",
                "description": "`commandcenter env` prints the address and the credentials of publishers.",
            }
        },
        "channels": {each.name: _channel(each) for each in found},
        "operations": {
            f"{each.direction}{each.name[0].upper()}{each.name[1:]}": {
                "action": each.direction,
                "channel": {"$ref": f"#/channels/{each.name}"},
                "summary": each.summary,
                "messages": [{"$ref": f"#/channels/{each.name}/messages/{each.message}"}],
            }
            for each in found
        },
        "components": {"messages": {each.message: _message(each) for each in found}},
    }


@router.get("/asyncapi.json")
async def show_asyncapi() -> Document:
    """The document of events, beside `/openapi.json`."""
    return asyncapi_document()


def _channel(channel: Channel) -> Document:
    described: Document = {
        "address": channel.subject,
        "title": channel.summary,
        "messages": {channel.message: {"$ref": f"#/components/messages/{channel.message}"}},
    }
    if channel.parameters:
        described["parameters"] = {name: {"description": text} for name, text in channel.parameters.items()}
    return described


def _message(channel: Channel) -> Document:
    return {
        "name": channel.message,
        "title": channel.summary,
        "contentType": "application/json",
        "payload": inlined_schema(channel.schema),
        "examples": [{"name": "typical", "payload": dict(channel.example)}],
    }


def inlined_schema(schema: Mapping[str, Any]) -> Any:
    """The schema without `$defs` and generated titles: references of a payload are read from the document's root."""
    definitions: Mapping[str, Any] = schema.get("$defs", {})

    def inlined(value: Any, *, names: bool = False) -> Any:
        if isinstance(value, list):
            return [inlined(each) for each in cast("list[Any]", value)]
        if not isinstance(value, dict):
            return value
        found = cast("dict[str, Any]", value)
        if not names and "$ref" in found:
            return inlined(definitions[str(found["$ref"]).rpartition("/")[2]])
        return {
            key: inlined(each, names=not names and key == "properties")
            for key, each in found.items()
            if names or key not in ("$defs", "title")
        }

    return inlined(deepcopy(dict(schema)))
