"""Failed sign-ins: counted per address and logged; past the limit an address is told to wait.

Tokens have 256 random bits, so nobody guesses one. The limit keeps the log readable and the database free; a token that
is right is let in at any time, so that nobody can lock out others who come from the same address.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable

LIMIT = 20
"""Failures of one address within the window before it is told to wait."""
WINDOW_SECONDS = 60.0
_MAX_ADDRESSES = 10_000
log = logging.getLogger(__name__)


class FailedSignIns:
    """Counts failures per address, in memory."""

    def __init__(self, *, limit: int = LIMIT, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._failures: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def add(self, address: str, reason: str, *, token_id: str | None = None) -> int | None:
        """Count one; gives the seconds to wait where there were too many, else None."""
        at = self._clock()
        began, count = self._count(address, at)
        if token_id is not None:
            # A token that is known and opens nothing, from whichever addresses it comes.
            of_token, many = self._count(f"token {token_id}", at)
            if many > count:
                began, count = of_token, many
        if count < self._limit:
            of_token = f", token {token_id}" if token_id else ""
            log.warning("Failed sign-in from %s: %s%s", address, reason, of_token)
            return None
        if count == self._limit:
            log.warning("More than %d failed sign-ins from %s within a minute: it is told to wait", count, address)
        return max(1, round(began + WINDOW_SECONDS - at))

    def _count(self, key: str, at: float) -> tuple[float, int]:
        """When the window of that key began, and how many failures were in it before this one."""
        began, count = self._failures.pop(key, (at, 0))
        if at - began >= WINDOW_SECONDS:
            began, count = at, 0
        self._failures[key] = (began, count + 1)
        while len(self._failures) > _MAX_ADDRESSES:
            self._failures.popitem(last=False)
        return began, count

    def waits(self, address: str) -> int | None:
        """Seconds that an address still has to wait before what it brings is looked at; None: it may come."""
        began, count = self._failures.get(address, (0.0, 0))
        left = began + WINDOW_SECONDS - self._clock()
        return max(1, round(left)) if count > self._limit and left > 0 else None
