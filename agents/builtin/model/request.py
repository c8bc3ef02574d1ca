"""One request to a model, as both clients take it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

TIMEOUT_SECONDS = 120
MAX_ANSWER_TOKENS = 8_192


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the endpoint answered."""

    text: str
    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, kw_only=True)
class Request:
    """What to ask whom."""

    base_url: str
    key: str = field(repr=False)
    model: str
    instructions: str
    material: str
    schema: dict[str, Any]
    """JSON Schema of the answer."""
