"""One try to make an agent's environment: told by who makes it, counted and traced by who keeps the records."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal
from uuid import uuid4

Outcome = Literal["made", "refused", "unavailable"]
"""`refused`: another try gives the same; `unavailable`: the package index did not answer, or no jail could be had."""


@dataclass(frozen=True, kw_only=True)
class EnvironmentBuild:
    """It has ended. An environment that was there already is not made, and not told."""

    digest: str
    """Of the pins: 64 hex digits."""
    packages: int
    start_ms: int
    """Since 1970, UTC."""
    end_ms: int
    outcome: Outcome
    message: str = ""
    """Why there is no environment."""
    id: str = field(default_factory=lambda: uuid4().hex)
    """Of this try, so that telling it again counts nothing."""


TellBuild = Callable[[EnvironmentBuild], Awaitable[None]]
