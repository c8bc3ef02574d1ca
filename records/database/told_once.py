"""What is wrong with a row, found at every look -> one line of the log an hour, for each that is wrong.

A workflow or an agent that somebody changed in the database is looked at for every event. A line each time would bury
all others, and have the part reported as one that fails again and again.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable

SECONDS = 3600.0
_MOST = 1_000


class ToldOnce:
    """Logs errors, each text once in `SECONDS`."""

    def __init__(self, log: logging.Logger, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._clock = clock
        self._told: OrderedDict[str, float] = OrderedDict()

    def error(self, text: str) -> None:
        """Log it, unless that was done a short time ago."""
        at = self._clock()
        if (last := self._told.get(text)) is not None and at - last < SECONDS:
            return
        self._told[text] = at
        self._told.move_to_end(text)
        while len(self._told) > _MOST:
            self._told.popitem(last=False)
        self._log.error("%s", text)
