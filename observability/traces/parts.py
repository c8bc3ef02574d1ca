"""What happened within an attempt -> spans below its own: what its agent tells, calls of models, an effect.

An agent's words are hostile: names and values are cut and bounded, none can pass for what the platform says, and the
ids and times of parts are the platform's own.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from observability.traces.ids import span_id
from observability.traces.span import AttributeValue, Kind, Span, Status

MOST_PARTS = 100
"""Of one attempt; further ones are dropped."""
_MOST_ATTRIBUTES = 16
_MOST_TEXT = 200
_MOST_NUMBER = 1 << 53
_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){0,5}")
_OURS = frozenset({"workflow", "project", "agent", "approval", "cicd", "commandcenter", "effect", "messaging"})
"""First words of attributes that only the platform gives."""
_KINDS: dict[str, Kind] = {"client": "client", "internal": "internal"}
_CHAT = "chat"
_TOKENS = ("gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens")
_COST = "gen_ai.usage.cost_usd"


@dataclass(frozen=True, kw_only=True)
class AttemptPart:
    """Something that began and ended within an attempt."""

    name: str
    start_ms: int
    """Since 1970, UTC, by the clock of who tells it."""
    end_ms: int
    kind: Kind = "internal"
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict[str, AttributeValue])
    failed: bool = False
    number: int = 0
    """Its own, among the parts of one attempt."""
    within: int | None = None
    """The number of the part that it belongs to; None: the attempt itself."""


@dataclass(frozen=True, kw_only=True)
class ModelUse:
    """Calls of models in one attempt, as its agent tells them."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0

    def as_json(self) -> dict[str, float]:
        """As it is on record; empty where no model was called."""
        found = {"calls": self.calls, "inputTokens": self.input_tokens, "outputTokens": self.output_tokens}
        return found | {"costUsd": self.cost_usd} if self.calls else {}


def told_part(content: object, *, mask: Callable[[str], str] = str) -> AttemptPart | None:
    """A part as an agent told it, within bounds; None for what is none. `mask` hides secrets in text."""
    if not isinstance(content, dict):
        return None
    told = cast("dict[str, Any]", content)
    name, start, end = told.get("name"), _whole(told.get("start")), _whole(told.get("end"))
    number, within = _whole(told.get("number")), told.get("within")
    if not isinstance(name, str) or not name or start is None or end is None or number is None:
        return None
    return AttemptPart(
        name=_text(mask(name)),
        start_ms=start,
        end_ms=end,
        kind=_KINDS.get(str(told.get("kind")), "internal"),
        attributes=dict(_attributes(told.get("attributes"), mask)),
        failed=told.get("failed") is True,
        number=number,
        within=_whole(within),
    )


def model_use(parts: Iterable[AttemptPart]) -> ModelUse:
    """What the calls of models among the parts add up to."""
    calls = [each.attributes for each in parts if each.attributes.get("gen_ai.operation.name") == _CHAT]
    sums = [sum(int(_number(call.get(name))) for call in calls) for name in _TOKENS]
    return ModelUse(
        calls=len(calls),
        input_tokens=sums[0],
        output_tokens=sums[1],
        cost_usd=round(sum(_number(call.get(_COST)) for call in calls), 6),
    )


def used_before_last_call(parts: Iterable[AttemptPart]) -> ModelUse:
    """What was used when the last call of a model began: who keeps to a limit begins no call once it is reached."""
    calls = sorted(
        (each for each in parts if each.attributes.get("gen_ai.operation.name") == _CHAT),
        key=lambda each: each.start_ms,
    )
    return model_use(calls[:-1])


def spans_of(
    parts: Iterable[AttemptPart], *, trace: str, parent: str, start_ms: int, end_ms: int
) -> Iterator[Span]:
    """Spans below the span `parent`, within its times. A part whose part is unknown belongs to the attempt."""
    chosen = {each.number: each for each in list(parts)[:MOST_PARTS]}
    for part in chosen.values():
        within = part.within if part.within in chosen and part.within < part.number else None
        began = min(max(part.start_ms, start_ms), end_ms)
        status: Status = "error" if part.failed else "ok"
        yield Span(
            trace_id=trace,
            span_id=span_id(parent, "part", part.number),
            parent_id=parent if within is None else span_id(parent, "part", within),
            name=part.name,
            start_ms=began,
            end_ms=min(max(part.end_ms, began), end_ms),
            kind=part.kind,
            attributes=part.attributes,
            status=status,
        )


def _attributes(told: object, mask: Callable[[str], str]) -> Iterator[tuple[str, AttributeValue]]:
    if not isinstance(told, dict):
        return
    for name, value in list(cast("dict[str, object]", told).items())[:_MOST_ATTRIBUTES]:
        known = len(name) <= _MOST_TEXT and _NAME.fullmatch(name) and name.partition(".")[0] not in _OURS
        if not known:
            continue
        if isinstance(value, str):
            yield name, _text(mask(value))
        elif isinstance(value, bool):
            yield name, value
        elif isinstance(value, int | float) and math.isfinite(value) and abs(value) <= _MOST_NUMBER:
            yield name, value


def _text(text: str) -> str:
    text = text[: _MOST_TEXT * 2].encode("utf-8", "replace").decode()
    return "".join(char if char.isprintable() else "\ufffd" for char in text)[:_MOST_TEXT]


def _whole(value: object) -> int | None:
    return value if type(value) is int and 0 <= value <= _MOST_NUMBER else None


def _number(value: object) -> float:
    """Not below 0; 0 for what is no number."""
    return max(0.0, value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0
