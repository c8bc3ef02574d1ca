"""Events that tell of waiting runs → when a worker had better poll again.

An event may arrive before the state it tells of is committed, and a run that is suspended may be resumed while it is
still in hand: a poll that follows at once would miss both.
"""

from __future__ import annotations

from uuid import UUID

LOOKS = 5
"""How often an announced run is looked for."""
MAX_REMEMBERED = 200
"""How many runs are remembered as announced and not found, and as found before they were announced."""


class PendingRuns:
    """Which runs were told of and not found yet."""

    def __init__(self) -> None:
        self._looks: dict[UUID, int] = {}
        self._taken: dict[UUID, UUID | None] = {}

    def __bool__(self) -> bool:
        """Whether any run is still to be found."""
        return bool(self._looks)

    def heard(self, flow_run_id: UUID, state_id: UUID, *, in_hand: bool) -> bool:
        """A run waits now; False where it was taken in that very state before the event came."""
        if self._taken.get(flow_run_id) == state_id:
            return False
        # A run in hand that waits again can only be taken when this process is done with it.
        self._looks[flow_run_id] = 0 if in_hand else LOOKS
        return True

    def taken(self, flow_run_id: UUID, state_id: UUID | None) -> None:
        """The run was found by a poll."""
        self._looks.pop(flow_run_id, None)
        self._taken = dict([*list(self._taken.items())[-MAX_REMEMBERED:], (flow_run_id, state_id)])

    def done_with(self, flow_run_id: UUID) -> None:
        """The run is not in hand any more; the next poll looks for it once."""
        self._looks.pop(flow_run_id, None)

    def polled(self) -> float | None:
        """Seconds until the next look for a run that was not there yet; None: there is none to look for."""
        looks = {run: max(left - 1, 0) for run, left in self._looks.items()}
        # The newest are kept: runs for next week are announced as well.
        self._looks = dict(list(looks.items())[-MAX_REMEMBERED:])
        left = max(self._looks.values(), default=0)
        return 0.05 * 2 ** (LOOKS - left) if left else None
