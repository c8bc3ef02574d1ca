"""A named step of the platform -> for the fault harness alone, the death of the process at that step.

`CRASH_AT=point:n` kills this process, as `kill -9` would, when it passes the point for the n-th time. That needs
`COMMANDCENTER_FAULTS`, a folder of the harness, too: without it `CRASH_AT` is refused at the start, so that a stray
variable has no effect by accident. In that folder a file `crash-at` with the same text does as much for processes that
run already. Each order is carried out once, also when its process is started again. With neither variable set,
passing a point is one comparison. In production mode neither has any effect, and parts do not start with them.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from pathlib import Path

from reliability.mode import is_production

POINTS = (
    # listener
    "event-fetched",
    "run-created",
    "inbox-written",
    "outbox-published",
    "mirroring",
    # worker
    "run-opened",
    "proposing",
    "proposed",
    "gate-opened",
    "suspending",
    "form-saved",
    "agent-run-beginning",
    "agent-run-begun",
    "sandbox-answered",
    "branch-published",
    "message-sent",
    "agent-run-ended",
    "node-ending",
    "run-ending",
    "run-ended",
    # the process that decides
    "decided",
)
"""In the order in which a run passes them, by process."""
ORDER = "crash-at"


class FaultPointRefused(ValueError):
    """The environment asks for a crash that cannot be carried out."""


class FaultPlan:
    """The orders of this process."""

    def __init__(self, folder: Path, order: str | None) -> None:
        if not folder.is_dir():
            raise FaultPointRefused(f"COMMANDCENTER_FAULTS={str(folder)!r} is not a folder: make it first")
        self._folder = folder
        self._order = order
        self._passed: dict[str, int] = {}
        if order is not None:
            parse_order(order)

    def passed(self, point: str) -> None:
        """Count the pass; die if it is the one that was ordered."""
        file = self._folder / ORDER
        order = file.read_text(encoding="utf-8") if file.exists() else self._order
        if order is None:
            return
        wanted, number = parse_order(order)
        if wanted != point:
            return
        self._passed[order] = self._passed.get(order, 0) + 1
        if self._passed[order] == number and self._claim(order):
            os.kill(os.getpid(), signal.SIGKILL)

    def _claim(self, order: str) -> bool:
        """Claim this order; False if another process carried it out before."""
        try:
            descriptor = os.open(self._folder / f"crashed-{order.strip().replace('/', '_')}", _NEW, 0o600)
        except FileExistsError:
            return False
        os.write(descriptor, str(os.getpid()).encode())
        os.fsync(descriptor)
        os.close(descriptor)
        return True


_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL


def parse_order(order: str) -> tuple[str, int]:
    """`point:n` or `point:n:anything`, which makes an order unlike an earlier one. Raises FaultPointRefused."""
    point, _, rest = order.strip().partition(":")
    number = rest.partition(":")[0] or "1"
    if point not in POINTS or not number.isdigit() or int(number) < 1:
        raise FaultPointRefused(f"CRASH_AT={order!r} is not point:n; the points are {', '.join(POINTS)}")
    return point, int(number)


def fault_plan(environment: Mapping[str, str]) -> FaultPlan | None:
    """What the environment orders; None: nothing, as everywhere but in the harness. Raises FaultPointRefused."""
    if is_production(environment):
        return None  # `reliability.settings` refuses the start, in a sentence
    folder, order = environment.get("COMMANDCENTER_FAULTS"), environment.get("CRASH_AT") or None
    if folder:
        return FaultPlan(Path(folder), order)
    if order is not None:
        raise FaultPointRefused(
            f"CRASH_AT={order!r} is only for the fault harness, which also sets COMMANDCENTER_FAULTS: unset it"
        )
    return None


_faults = fault_plan(os.environ)


def fault_point(name: str) -> None:
    """Here a process may die, if the fault harness wants it to."""
    if _faults is not None:
        _faults.passed(name)
