"""What an agent proposes as a patch -> the same with a verification, from a jail of its own: no network, no secret.

An agent asks for it by a place for it in its result (`verified`). A verification that cannot be had is said: the
person who decides is told that nothing was verified, and why.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from typing import Any, cast

from agents.builtin import verification
from agents.effects.verification import not_verified, wants_verification, with_verification
from agents.registration.manifest import from_json
from agents.runtime.description import describe
from agents.sandbox.port import AgentResult
from compiler.catalogue import AgentSpec
from compiler.plan import PlanNode
from tasks.card import Invocation
from tasks.inputs import kind_of

LIMIT_SETTING = "VERIFICATION_SECONDS"
DEFAULT_SECONDS = 60.0
_TIMEOUT_SECONDS = 420
_MEMORY_MB = 1024

Ask = Callable[[Invocation], Awaitable[AgentResult]]


async def verified(
    invocation: Invocation, result: Mapping[str, Any], *, settings: Mapping[str, str], ask: Ask
) -> Mapping[str, Any]:
    """The agent's result with the verification on its patch. `ask` runs the verification in its jail."""
    if not wants_verification(invocation.node.result_schema) or not result.get("patch"):
        return result
    field = next((name for name in invocation.inputs if kind_of(invocation.node, name) == "repository"), None)
    if field is None:
        return result
    found = await ask(_verification(invocation, field, result, settings))
    if found.failure is not None:
        return not_verified(result, f"it could not be verified: {found.failure.message}")
    return with_verification(result, cast("dict[str, Any]", found.output))


def _verification(
    invocation: Invocation, field: str, result: Mapping[str, Any], settings: Mapping[str, str]
) -> Invocation:
    spec, action = _spec(), _spec().actions["verify"]
    try:
        seconds = min(max(float(settings.get(LIMIT_SETTING) or DEFAULT_SECONDS), 1.0), 600.0)
    except ValueError:
        seconds = DEFAULT_SECONDS
    node = PlanNode(
        id=f"{invocation.node.id}-verification",
        agent=spec.name,
        agent_type=spec.type,
        agent_version=spec.version,
        entry_path=spec.entry_path,
        action="verify",
        risk="AUTO",
        inputs={},
        input_schema=dict(action.input_schema),
        output_schema=dict(action.output_schema),
        timeout_seconds=_TIMEOUT_SECONDS,
        memory_mb=_MEMORY_MB,
    )
    inputs = {
        "repositoryPath": invocation.inputs[field],
        "patch": str(result["patch"]),
        "limitSeconds": seconds,
    }
    pinned = {"repositoryPath": invocation.bindings[field]}
    return Invocation(node=node, agent=spec, inputs=inputs, network=(), secrets=(), bindings=pinned)


@cache
def _spec() -> AgentSpec:
    return from_json(describe(verification.agent), entry_path=verification.__name__, trusted=True)
