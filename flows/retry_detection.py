"""The states of a run in Prefect -> whether a person retried it after its end, or a crash hid that end.

A flow records its end before Prefect learns of it. A worker that dies in between leaves a run that is over and that
Prefect still holds for running; it is taken over like any other. That is no retry: nobody asked for one.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from prefect.client.schemas.objects import State

from triggers.reconcile.called_runs import WAITS_FOR_CALL

_OUR_WAITS = (WAITS_FOR_CALL, "AwaitingConcurrencySlot")
"""States that a run puts itself into. One may come once more after its end: the client repeats what got no answer."""


def was_retried(states: Iterable[State], ended: datetime) -> bool:
    """Whether Prefect knew of the end that was recorded at `ended`, and the run was put into the queue after it."""
    known = sorted(states, key=lambda state: state.timestamp)
    ends = [state.timestamp for state in known if state.is_final()]
    asked = [state for state in known if state.is_scheduled() and state.name not in _OUR_WAITS]
    if ends and not any(state.timestamp > ends[-1] for state in asked):
        # A worker that had read of the run before its end has claimed it after that: nobody asked for it.
        return False
    # An end that Prefect knew first is recorded later, with no execution in between.
    return bool(ends) and not any(state.is_running() and ends[-1] < state.timestamp < ended for state in known)
