"""A manifest and the agents there are -> the least risk of each action, whatever the manifest says of itself.

An agent that nobody reviewed may call itself harmless. What it can do outside of the jail is known, though: an effect
that the platform carries out, and hosts that it may reach. And code keeps its risk under any name.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from compiler.catalogue import ActionSpec, AgentSpec


def with_floor(spec: AgentSpec, known: Iterable[AgentSpec]) -> AgentSpec:
    """The agent with the risk of each action raised to its floor. `known`: those registered, and those built in."""
    peers = [each for each in known if _same_code(each, spec)]
    actions = {
        name: replace(action, risk="APPROVAL_REQUIRED") if _is_risky(spec, action, peers) else action
        for name, action in spec.actions.items()
    }
    return replace(spec, actions=actions)


def _is_risky(spec: AgentSpec, action: ActionSpec, peers: list[AgentSpec]) -> bool:
    if action.effect is not None:
        return True
    # Hosts that the same code has been given before are no news.
    if set(spec.network) - {host for each in peers for host in each.network}:
        return True
    return any(_risk(each, action.name) == "APPROVAL_REQUIRED" for each in peers)


def _risk(spec: AgentSpec, action: str) -> str:
    return spec.action_risk(action) if action in spec.actions else spec.risk


def _same_code(one: AgentSpec, other: AgentSpec) -> bool:
    if one.code_digest and one.code_digest == other.code_digest:
        return True
    return not one.entry_path.startswith("/") and one.entry_path == other.entry_path
