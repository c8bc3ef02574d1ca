"""The OpenAPI document -> `console/src/api/schema.ts`: one type for each thing that is sent or answered."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from api.clients.dialects import TYPESCRIPT, fields_of, type_of

_HEAD = """// Made from the API's routes by `python -m api.clients`; a test fails where it is not what they say.
"""


def typescript_types(document: Mapping[str, Any]) -> str:
    """The file."""
    parts = [_HEAD]
    for name, schema in sorted(document["components"]["schemas"].items()):
        about = " ".join(str(schema.get("description", "")).split("\n\n")[0].split()).replace("*/", "* /")
        comment = f"/** {about} */\n" if about else ""
        if schema.get("type") != "object":
            parts.append(f"{comment}export type {name} = {type_of(schema, TYPESCRIPT)};\n")
            continue
        lines = [
            f"  {_key(field)}{'' if needed else '?'}: {type_of(inner, TYPESCRIPT)};"
            for field, inner, needed in fields_of(schema)
        ]
        if schema.get("additionalProperties") is True:
            lines.append("  [more: string]: unknown;")
        body = "\n".join(lines)
        parts.append(f"{comment}export interface {name} {{\n{body}\n}}\n")
    return "\n".join(parts)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_]\w*", name) else f'"{name}"'
