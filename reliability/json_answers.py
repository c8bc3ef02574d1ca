"""What a middleware answers instead of its application -> the messages of ASGI that say so."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.types import Send


async def answer_json(
    send: Send,
    status: int,
    said: Mapping[str, Any],
    *,
    kind: bytes = b"application/json",
    headers: Iterable[tuple[bytes, bytes]] = (),
) -> None:
    """Answer with the object `said`, as a whole. `headers`: further ones."""
    body = json.dumps(said).encode()
    head = [(b"content-type", kind), (b"content-length", str(len(body)).encode()), *headers]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": body})
