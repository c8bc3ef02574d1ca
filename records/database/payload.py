"""A value in; JSON that both databases store alike, of bounded size, out. Anything else is refused."""

from __future__ import annotations

import json
from typing import Any, cast

from records.errors import PayloadRefused

MAX_JSON_BYTES = 5_000_000
"""Inputs, outputs and contexts of runs. An agent's own result is capped at 4 MB before it gets here."""
MAX_CARD_BYTES = 1_000_000
MAX_EVENT_BYTES = 900_000
"""NATS takes 1 MiB by default; headers need room, too."""
MAX_ARTIFACT_BYTES = 64 * 1024 * 1024
MAX_NOTES = 4_000
MAX_ERROR = 16_000


def dumps(value: Any) -> str:
    """Compact JSON text; NaN and Infinity are not JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def checked(what: str, value: Any, *, limit: int = MAX_JSON_BYTES) -> Any:
    """`value` itself, if it is storable JSON of at most `limit` bytes. Raises PayloadRefused."""
    try:
        text = dumps(value)
        size = len(text.encode())
    except (TypeError, ValueError, RecursionError) as exc:
        raise PayloadRefused(f"{what} cannot be recorded because it is not valid JSON: {exc}") from exc
    if size > limit:
        raise PayloadRefused(
            f"{what} has {size:,} bytes of JSON, at most {limit:,} are recorded: save large content as an artifact"
        )
    if "\\u0000" in text and _has_nul(value):
        raise PayloadRefused(f"{what} contains the character U+0000, which PostgreSQL cannot store: remove it")
    return value


def checked_outputs(outputs: Any) -> Any:
    """The outputs of a workflow, if they are storable. Raises PayloadRefused, which names the output at fault."""
    for name, value in cast("dict[str, Any]", outputs or {}).items():
        checked(f"the output {name!r} of the workflow", value)
    try:
        return checked("the outputs of the workflow", outputs)
    except PayloadRefused as exc:
        sizes = {name: len(dumps(value).encode()) for name, value in outputs.items()}
        largest = max(sizes, key=lambda name: sizes[name])
        raise PayloadRefused(f"{exc}; the largest is {largest!r} with {sizes[largest]:,} bytes") from exc


def _has_nul(value: Any) -> bool:
    # Iterative: the depth of agent output is not bounded.
    rest: list[Any] = [value]
    while rest:
        part = rest.pop()
        if isinstance(part, str):
            if "\0" in part:
                return True
        elif isinstance(part, dict):
            rest.extend(cast("dict[str, Any]", part))
            rest.extend(cast("dict[str, Any]", part).values())
        elif isinstance(part, list | tuple):
            rest.extend(cast("list[Any]", part))
    return False


def line(text: str | None, limit: int = MAX_ERROR) -> str | None:
    """Free text made storable: no NUL, no lone surrogates, cut at `limit` with a notice."""
    if text is None:
        return None
    clean = text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
    return clean if len(clean) <= limit else f"{clean[:limit]} … (cut, {len(clean):,} characters in all)"
