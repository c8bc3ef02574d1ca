"""A node that waits for a person -> the card's data, and the digest of exactly what an approval allows.

The card holds the inputs that will be used, not the templates. The digest covers all that decides what will happen: a
change of any of it asks again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import JsonValue

from compiler.catalogue import AgentSpec
from compiler.plan import PlanNode, digest_of
from reliability.mode import is_production
from tasks.outline import bounded


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """Exactly what will run once a gate opens."""

    node: PlanNode
    agent: AgentSpec
    """The agent as it is registered now; the plan may have been made with an earlier version."""
    inputs: Mapping[str, JsonValue]
    network: tuple[str, ...]
    secrets: tuple[str, ...]
    """Names only."""
    bindings: Mapping[str, str]
    """What the inputs point at: input name -> commit of the repository, or digest of the file."""
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    """The operator's settings that agent, hosts and effect are done with: name -> value. They say where it goes."""

    @property
    def digest(self) -> str:
        """SHA-256 over the canonical JSON of the invocation."""
        return digest_of(self.as_json())

    def as_json(self) -> dict[str, Any]:
        """The invocation as plain data; secret values are never part of it."""
        node = self.node
        return {
            "agent": node.agent,
            "agentVersion": self.agent.version,
            "agentDigest": self.agent.code_digest,
            "action": node.action,
            "effect": node.effect,
            "inputs": dict(self.inputs),
            "bindings": dict(self.bindings),
            **_given(self.settings),
            "jail": {
                "network": sorted(self.network),
                "secrets": sorted(self.secrets),
                "memoryMb": node.memory_mb,
                "timeoutSeconds": node.timeout_seconds,
            },
        }


def card(invocation: Invocation, *, upstream: Mapping[str, JsonValue], deadline: str | None) -> dict[str, Any]:
    """The card as data, kept with the approval; `tasks.card_text` makes of it what people read.

    An upstream output is background: a large one is shortened here, the whole of it stays in its agent run.
    """
    node = invocation.node
    spec = invocation.agent.actions.get(node.action)
    return {
        "node": node.id,
        "agent": node.agent,
        "agentType": node.agent_type,
        "agentVersion": invocation.agent.version,
        "action": node.action,
        "effect": node.effect,
        "description": (spec.description if spec else "") or node.description,
        "risk": node.risk,
        "inputs": dict(invocation.inputs),
        "bindings": dict(invocation.bindings),
        "network": sorted(invocation.network),
        "secrets": sorted(invocation.secrets),
        **_given(invocation.settings),
        "upstream": {name: bounded(value) for name, value in upstream.items()},
        "deadline": deadline,
        "digest": invocation.digest,
        # Who reads the card knows by it how much the gate is worth. Kept, so that all ways in show the same.
        **({} if is_production() else {"twoPersonRule": "off"}),
    }


def _given(settings: Mapping[str, str]) -> dict[str, Any]:
    return {"settings": dict(settings)} if settings else {}
