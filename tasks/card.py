"""A node that waits for a person -> the card that person reads, and the digest of exactly what an approval allows.

The card shows the inputs that will be used, not the templates. Everything in it that came from an event or an agent is
inert text. The digest covers all that decides what will happen: a change of any of it asks again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from pydantic import JsonValue

from compiler.catalogue import AgentSpec
from compiler.plan import PlanNode, digest_of
from tasks.safe_text import fenced, inert_json, inline


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

    @property
    def digest(self) -> str:
        """SHA-256 over the canonical JSON of the intent."""
        return digest_of(self.as_json())

    def as_json(self) -> dict[str, Any]:
        """The intent as plain data; secret values are never part of it."""
        node = self.node
        return {
            "agent": node.agent,
            "agentVersion": self.agent.version,
            "agentDigest": self.agent.code_digest,
            "action": node.action,
            "effect": node.effect,
            "inputs": dict(self.inputs),
            "bindings": dict(self.bindings),
            "jail": {
                "network": sorted(self.network),
                "secrets": sorted(self.secrets),
                "memoryMb": node.memory_mb,
                "timeoutSeconds": node.timeout_seconds,
            },
        }


def card(intent: Invocation, *, upstream: Mapping[str, JsonValue], deadline: str | None) -> dict[str, Any]:
    """The card as data, kept with the approval: what the CLI, the API and the form show."""
    node = intent.node
    spec = intent.agent.actions.get(node.action)
    return {
        "node": node.id,
        "agent": node.agent,
        "agentType": node.agent_type,
        "agentVersion": intent.agent.version,
        "action": node.action,
        "description": (spec.description if spec else "") or node.description,
        "risk": node.risk,
        "inputs": dict(intent.inputs),
        "bindings": dict(intent.bindings),
        "network": sorted(intent.network),
        "secrets": sorted(intent.secrets),
        "upstream": {name: _bounded(value) for name, value in upstream.items()},
        "deadline": deadline,
        "digest": intent.digest,
    }


def markdown(data: Mapping[str, Any]) -> str:
    """The card for Prefect's form, which renders Markdown: every value from outside stands in a code span or block."""
    lines = [
        f"**{data['risk']}** — node {inline(str(data['node']))}: agent {inline(str(data['agent']))} "
        f"{inline(str(data['agentVersion']))} will run {inline(str(data['action']))}",
        "",
        inline(str(data["description"])) if data["description"] else "",
        "",
        "Inputs, exactly as they will be used:",
        fenced(inert_json(in_reading_order(data["inputs"])), limit=6_000),
        *(f"{inline(name)} is taken at {inline(what)}" for name, what in data.get("bindings", {}).items()),
        f"Network: {inline(', '.join(data['network']) or 'none')} · secrets: "
        f"{inline(', '.join(data['secrets']) or 'none')}",
    ]
    for name, value in data["upstream"].items():
        lines += ["", f"What {inline(name)} found:", fenced(inert_json(value), limit=1_500)]
    if data["deadline"]:
        lines += ["", f"Decide before {inline(str(data['deadline']))}."]
    lines += ["", f"Digest: {inline(str(data['digest']))}"]
    return "\n".join(lines)


def in_reading_order(inputs: Any) -> Any:
    """Inputs with the short ones first: a path or a branch must not hide below a long list."""
    if not isinstance(inputs, dict):
        return inputs
    named = cast("dict[str, Any]", inputs)
    return dict(sorted(named.items(), key=lambda item: len(inert_json(item[1]))))


def _bounded(value: JsonValue, *, limit: int = 4_000) -> JsonValue:
    """An upstream output is background; the whole of it stays in its agent run."""
    text = inert_json(value, limit=limit)
    return value if len(text) < limit else text
