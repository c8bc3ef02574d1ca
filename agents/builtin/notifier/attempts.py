"""A delivery that may be tried again -> its result, after a few attempts; a receiver's Retry-After is kept to.

Only what the receiver has certainly not taken is tried again here: a refusal, or no connection at all. A connection
that broke in between is left to the node's own `retries`, which carry the same idempotency key.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from agents.sdk.context import Context
from agents.sdk.errors import TransientError

ATTEMPTS = 3
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 60.0
"""A receiver that asks for more is left to the node's own retries."""
_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
"""Digits only: `nan` and `inf` are numbers to Python, and no time to wait."""
T = TypeVar("T")


class NotTakenError(TransientError):
    """The receiver did not take the message, and may take it later."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        wait = "" if retry_after is None else f"; it asks to wait {retry_after:g} s"
        super().__init__(f"{message}{wait}")
        self.retry_after = retry_after


def deliver(send: Callable[[], T], context: Context) -> T:
    """The result of the first attempt that succeeds. Raises the last attempt's error."""
    attempt = 1
    while True:
        try:
            return send()
        except NotTakenError as exc:
            pause = _FIRST_PAUSE * 2 ** (attempt - 1) if exc.retry_after is None else exc.retry_after
            if attempt == ATTEMPTS or pause > _LONGEST_PAUSE:
                raise TransientError(str(exc)) from exc
            attempt += 1
            context.log.info("%s; attempt %d of %d in %g s", exc, attempt, ATTEMPTS, pause)
            time.sleep(pause)


def retry_after(value: str | None) -> float | None:
    """The header in seconds: a number, or a date. None where it says neither."""
    text = (value or "").strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    # The oldest of the three forms of a date in HTTP names no zone; all of them are UTC.
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max((date - datetime.now(UTC)).total_seconds(), 0.0)
