"""An Agent -> its manifest as plain JSON data. Runs in the jail, so it needs nothing but Pydantic."""

from __future__ import annotations

from typing import Any

from agents.sdk.agent import Action, Agent


def describe(agent: Agent) -> dict[str, Any]:
    """What `agents.registration.manifest.from_json` reads; the platform adds the entry path and the code digest."""
    return {
        "name": agent.name,
        "type": agent.type,
        "version": agent.version,
        "risk": agent.risk,
        "description": agent.description,
        "network": list(agent.network),
        "secrets": list(agent.secrets),
        "settings": list(agent.settings),
        "memory_mb": agent.memory_mb,
        "timeout_seconds": agent.timeout_seconds,
        "actions": [_describe_action(action) for action in agent.actions.values()],
    }


def _describe_action(action: Action) -> dict[str, Any]:
    # A field with a default may be left out of an input but is always there in an output: hence the two modes.
    result = action.result_model.model_json_schema(by_alias=True, mode="serialization")
    return {
        "name": action.name,
        "description": action.description,
        "risk": action.risk,
        "effect": action.effect,
        "input_schema": action.input_model.model_json_schema(by_alias=True, mode="validation"),
        "output_schema": action.output_model.model_json_schema(by_alias=True, mode="serialization"),
        "result_schema": result if action.effect else None,
    }
