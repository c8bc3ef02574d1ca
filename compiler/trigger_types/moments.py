"""ISO 8601 text -> the moment it names."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:$|[Tt ])", re.ASCII)


def moment_of(value: Any) -> datetime | None:
    """The moment that a date, or a date and time, names; None for all else. Without an offset it is UTC; a date
    alone is its midnight."""
    if not isinstance(value, str) or not _DATE.match(value):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
