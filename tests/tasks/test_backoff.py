"""How long a node waits before it is tried again."""

from __future__ import annotations

from typing import Any

import pytest

from compiler.plan import PlanNode, Retries
from tasks.node import MAX_DELAY_SECONDS, _delay


def node(**retries: Any) -> PlanNode:
    return PlanNode(
        id="a",
        agent="a",
        agent_type="SCRIPT",
        agent_version="1.0.0",
        entry_path="x",
        action="act",
        risk="AUTO",
        inputs={},
        input_schema={},
        output_schema={},
        retries=Retries(max=20, **retries),
    )


def test_the_delay_doubles_with_each_attempt_up_to_a_limit() -> None:
    steady = node(backoff_seconds=2.0, jitter=0.0)
    assert [_delay(steady, retry) for retry in (1, 2, 3, 4)] == [2.0, 4.0, 8.0, 16.0]
    assert _delay(steady, 20) == MAX_DELAY_SECONDS


@pytest.mark.parametrize(("jitter", "least", "most"), [(0.5, 2.0, 6.0), (1.0, 0.0, 8.0)])
def test_the_delay_is_partly_random_within_its_share(jitter: float, least: float, most: float) -> None:
    delays = [_delay(node(backoff_seconds=4.0, jitter=jitter), 1) for _ in range(300)]
    assert least <= min(delays) < 4.0 < max(delays) <= most
    assert len(set(delays)) > 200
