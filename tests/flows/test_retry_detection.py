"""A run that FAILED is executed once more: on a person's wish, or because a crash hid its end from Prefect."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from prefect.client.schemas.objects import State, StateType

from flows.retry_detection import was_retried

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
R, F, C, S = StateType.RUNNING, StateType.FAILED, StateType.CANCELLED, StateType.SCHEDULED
P = StateType.PENDING


def at(second: float) -> datetime:
    return BEGIN + timedelta(seconds=second)


@pytest.mark.parametrize(
    ("states", "ended", "again"),
    [
        ([(S, 0), (R, 1), (S, 9), (R, 10)], 5, False),
        ([(S, 0), (R, 1), (F, 6), (S, 9), (R, 10)], 5, True),
        ([(S, 0), (R, 1), (C, 6), (S, 9), (R, 10)], 8, True),
        ([(S, 0), (R, 1), (F, 6), (S, 9), (R, 10), (S, 19), (R, 20)], 15, False),
        ([(S, 0), (R, 1), (F, 6), (S, 9), (R, 10), (S, 19), (R, 20)], 5, True),
        ([(S, 0), (R, 1), (F, 6), (P, 7), (R, 8)], 5, False),
    ],
    ids=[
        "the worker died before it told Prefect",
        "retried by a person",
        "cancelled in Prefect, mirrored, retried",
        "retried, failed again, and the worker died",
        "retried, and the worker died before it had begun",
        "claimed by a second worker, which had read of it before it ended",
    ],
)
def test_only_an_end_that_prefect_knew_can_be_retried(
    states: list[tuple[StateType, float]], ended: float, again: bool
) -> None:
    history = [State(type=kind, timestamp=at(second)) for kind, second in reversed(states)]
    assert was_retried(history, at(ended)) is again
