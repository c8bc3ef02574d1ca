"""What the benchmark asks of each contender."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, Self

SHAPES = {
    "w1": {"only": []},
    "w5": {
        "scan": [],
        "assess": ["scan"],
        "notify": ["assess"],
        "fix": ["assess"],
        "report": ["notify", "fix"],
    },
}
"""Shape -> its nodes, each with those it depends on."""


class Contender(Protocol):
    """Runs shapes of work; an async context."""

    name: str

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc_info: object) -> None: ...

    async def run(self, shape: str, times: int = 1) -> float:
        """Seconds from the first trigger to the news that all of so many runs have ended well."""
        ...

    async def resume(self) -> float:
        """Seconds from a person's decision to the start of the node that waited for it."""
        ...

    def pids(self) -> Sequence[int]:
        """The processes it consists of; their children count too."""
        ...
