"""One span as a value, and as the JSON that waits in the records to be exported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

AttributeValue = str | int | float | bool
Kind = Literal["internal", "server", "client", "producer", "consumer"]
Status = Literal["unset", "ok", "error"]


@dataclass(frozen=True, kw_only=True)
class Span:
    """A span that has ended."""

    trace_id: str
    span_id: str
    parent_id: str | None
    """None: the root of its trace."""
    name: str
    start_ms: int
    """Since 1970, UTC."""
    end_ms: int
    kind: Kind = "internal"
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict[str, AttributeValue])
    status: Status = "unset"
    message: str = ""
    """Of an error."""
    links: tuple[tuple[str, str], ...] = ()
    """Trace and span of callers."""

    def as_json(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self) | {"links": [list(link) for link in self.links]}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Span:
        """What `as_json` gave."""
        fields: dict[str, Any] = dict(content)
        fields["links"] = tuple((link[0], link[1]) for link in fields["links"])
        return cls(**fields)


def epoch_ms(moment: datetime) -> int:
    """Milliseconds since 1970."""
    return round(moment.timestamp() * 1_000)


def present(attributes: Mapping[str, AttributeValue | None]) -> dict[str, AttributeValue]:
    """The attributes that have a value."""
    return {name: value for name, value in attributes.items() if value is not None}
