"""What an execution may use of models: said by the operator, kept by the agents that ship, looked at for all others."""

from __future__ import annotations

import re

import pytest

from agents.sandbox.port import AgentResult
from observability.traces.parts import AttemptPart
from tasks.model_limits import BadLimit, kept_to_limits, limits_of


def result(*calls: tuple[int, float]) -> AgentResult:
    """Calls of these tokens and dollars, one after the other."""
    parts = tuple(
        AttemptPart(
            name="chat m",
            start_ms=number,
            end_ms=number,
            number=number,
            attributes={
                "gen_ai.operation.name": "chat",
                "gen_ai.usage.input_tokens": tokens,
                "gen_ai.usage.cost_usd": cost,
            },
        )
        for number, (tokens, cost) in enumerate(calls)
    )
    return AgentResult(output={"ok": 1}, parts=parts)


@pytest.mark.parametrize(
    ("calls", "settings", "said"),
    [
        (((900, 0.1), (900, 0.1)), {"LLM_MAX_TOKENS": "1000"}, None),  # the second began below the limit
        (((900, 0.1), (100, 0.1), (1, 0.0)), {"LLM_MAX_TOKENS": "1000"}, "1,000 tokens"),
        (((900, 0.1), (900, 0.1)), {"LLM_MAX_COST": "0.10"}, r"\$0.100000"),
        (((1, 0.0),), {"LLM_MAX_TOKENS": "0"}, None),  # nothing was used when it began: the first counts as one
        (((900, 0.1), (900, 0.1)), {}, None),
    ],
)
def test_a_call_that_began_past_the_limit_fails_the_execution(
    calls: tuple[tuple[int, float], ...], settings: dict[str, str], said: str | None
) -> None:
    found = kept_to_limits(result(*calls), settings, node_id="fix")
    if said is None:
        assert found.output == {"ok": 1}
        return
    assert found.failure is not None
    assert found.failure.kind == "output-limit"
    assert found.output is None
    assert len(found.parts) == len(calls), "what was used stays on record"
    assert re.search(said, found.failure.message)


@pytest.mark.parametrize("value", ["much", "-1", "inf", "nan"])
def test_what_is_no_limit_is_refused(value: str) -> None:
    with pytest.raises(BadLimit, match="LLM_MAX_COST"):
        limits_of({"LLM_MAX_COST": value})
