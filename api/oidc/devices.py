"""Sign-ins that were begun in a terminal: kept in memory until a person has entered the code, or it has expired."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from operations.people import token_digest

MAX_OPEN = 200
MAX_OPEN_OF_ADDRESS = 10
MAX_SECONDS = 900


@dataclass(kw_only=True)
class DeviceAttempt:
    """One of them."""

    device_code: str
    address: str
    ends_at: float
    interval: float
    """Seconds between two questions to the provider."""
    next_at: float


class DeviceAttempts:
    """Attempts by the hash of their handle. A restart forgets them: the terminal begins again."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._open: dict[str, DeviceAttempt] = {}

    def is_full(self, address: str) -> bool:
        """Whether another one of that address must wait."""
        now = self._clock()
        self._open = {key: each for key, each in self._open.items() if each.ends_at > now}
        of_address = sum(each.address == address for each in self._open.values())
        return len(self._open) >= MAX_OPEN or of_address >= MAX_OPEN_OF_ADDRESS

    def add(self, device_code: str, *, address: str, seconds: float, interval: float) -> str:
        """Keep one; gives the handle by which its terminal asks."""
        handle, now = secrets.token_urlsafe(32), self._clock()
        self._open[token_digest(handle)] = DeviceAttempt(
            device_code=device_code,
            address=address,
            ends_at=now + min(seconds, MAX_SECONDS),
            interval=interval,
            next_at=now + interval,
        )
        return handle

    def take(self, handle: str) -> DeviceAttempt | None:
        """The one of that handle, which nobody else can ask about until it is put back. None: it is over."""
        found = self._open.pop(token_digest(handle), None)
        return found if found is not None and found.ends_at > self._clock() else None

    def is_early(self, attempt: DeviceAttempt) -> bool:
        """Whether the provider is to be asked later."""
        return self._clock() < attempt.next_at

    def put_back(self, handle: str, attempt: DeviceAttempt, *, asked: bool) -> None:
        """Wait on. `asked`: the provider was asked just now."""
        if asked:
            attempt.next_at = self._clock() + attempt.interval
        self._open[token_digest(handle)] = attempt
