"""The channels of events -> a page for the docs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from api.asyncapi import DESCRIPTION, inlined_schema
from api.event_channels import channels

_PAGE_HEAD = """# Events

What starts runs and what runs tell, over NATS JetStream. This page is made from the code; the same as an AsyncAPI 3
document, for generators and validators, is at `/asyncapi.json` of the API.

"""


def events_page() -> str:
    """The document as a page of Markdown."""
    parts = [_PAGE_HEAD + DESCRIPTION.partition("\n\n")[2] + "\n"]
    for direction, title in (("receive", "What comes in"), ("send", "What goes out")):
        parts.append(f"## {title}\n")
        for each in channels():
            if each.direction != direction:
                continue
            parts.append(f"### `{each.pattern}`\n")
            parts.append(f"{each.summary}.\n")
            parts.append(_fields(inlined_schema(each.schema)))
            example = json.dumps(dict(each.example), indent=2)
            parts.append(f"```json\n{example}\n```\n")
    return "\n".join(parts)


def _fields(schema: Mapping[str, Any]) -> str:
    needed = set(schema.get("required", ()))
    lines = ["| field | type | needed | |", "|---|---|---|---|"]
    for name, field_schema in schema["properties"].items():
        text = field_schema.get("description", "")
        lines.append(f"| `{name}` | {_type(field_schema)} | {'yes' if name in needed else ''} | {text} |")
    return "\n".join(lines) + "\n"


def _type(schema: Mapping[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_type(each) for each in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f"`{each}`" for each in schema["enum"])
    kind = str(schema.get("type", "anything"))
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return str(schema.get("format", kind))
