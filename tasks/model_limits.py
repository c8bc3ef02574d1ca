"""What an execution told of its calls of models + the operator's limits -> a failure where it went on past one.

The agents that ship keep to the limits themselves. Those of others are told of them as settings, if they ask; that they
keep to them is looked at here, by what they tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from agents.sandbox.port import AgentFailure, AgentResult
from observability.traces.parts import used_before_last_call

TOKENS, COST = "LLM_MAX_TOKENS", "LLM_MAX_COST"


class BadLimit(ValueError):
    """A setting that is no limit: nothing is run until it is one."""


def limits_of(settings: Mapping[str, str]) -> tuple[float | None, float | None]:
    """Tokens and US dollars of one execution; None: no limit. Raises BadLimit."""
    found: list[float | None] = []
    for name in (TOKENS, COST):
        text = settings.get(name)
        try:
            value = None if not text else float(text)
        except ValueError:
            value = -1.0
        if value is not None and not 0 <= value < float("inf"):
            raise BadLimit(f"setting {name!r} is {text!r:.60}: write a number, or leave it out")
        found.append(value)
    return found[0], found[1]


def kept_to_limits(result: AgentResult, settings: Mapping[str, str], *, node_id: str) -> AgentResult:
    """The result, or a failure that says by how much it went over. What was used is on record either way."""
    tokens, cost = limits_of(settings)
    used = used_before_last_call(result.parts)
    spent = used.input_tokens + used.output_tokens
    reason = None
    if tokens is not None and used.calls and spent >= tokens:
        reason = f"{spent:,} tokens, and {TOKENS!r} allows {tokens:,.0f}"
    elif cost is not None and used.calls and used.cost_usd >= cost:
        reason = f"${used.cost_usd:,.6f}, and {COST!r} allows ${cost:,.6f}"
    if reason is None or result.failure is not None:
        return result
    message = f"the agent of node {node_id!r} went on to ask a model after it had used {reason} in one execution"
    failure = AgentFailure(kind="output-limit", message=message)
    return replace(result, output=None, artifacts=(), failure=failure)
