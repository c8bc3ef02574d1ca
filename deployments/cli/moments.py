"""A time typed at a terminal -> a moment: `2h`, `30min`, `3d` ago, or an ISO date with or without a time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from deployments.errors import DeploymentError

_AGO = re.compile(r"(\d{1,6})\s*(s|min|m|h|d|w)")
_SECONDS = {"s": 1, "min": 60, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


class InvalidMoment(DeploymentError):
    """The text names no time."""


def moment(text: str | None, *, option: str) -> datetime | None:
    """The moment that `text` names; times without a zone are local ones. Raises `InvalidMoment`."""
    if text is None:
        return None
    if found := _AGO.fullmatch(text.strip()):
        return datetime.now(UTC) - timedelta(seconds=int(found[1]) * _SECONDS[found[2]])
    try:
        return datetime.fromisoformat(text.strip()).astimezone(UTC)
    except (ValueError, OverflowError) as exc:
        raise InvalidMoment(
            f"{option} {text!r} is not a time: give one like 2h, 30min or 3d (ago), 2026-03-01 or 2026-03-01T09:00"
        ) from exc
