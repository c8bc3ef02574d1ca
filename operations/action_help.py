"""An agent's action -> what a workflow's author needs: schemas, examples, and a mock for `commandcenter test`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import yaml

from compiler.catalogue import ActionSpec, AgentSpec, JsonSchema
from compiler.schemas.example import NoExample, example


@dataclass(frozen=True, kw_only=True)
class ActionHelp:
    """One action, explained."""

    agent: AgentSpec
    action: ActionSpec
    input_example: Any
    """An input that the action accepts; None where none was found."""
    output_example: Any
    """An output of it; None where none was found."""

    def node_yaml(self, node_id: str = "my-node") -> str:
        """A node for a workflow file, with the example as its inputs."""
        node: dict[str, Any] = {"id": node_id, "agent": self.agent.name, "action": self.action.name}
        if self.input_example is not None:
            node["inputs"] = self.input_example
        return _yaml({"nodes": [node]})

    def mock_yaml(self, node_id: str = "my-node") -> str:
        """A case for the workflow's `.test.yaml`, in which the node answers with the example."""
        mock = {node_id: {"output": self.output_example}}
        return _yaml({"cases": [{"name": f"{node_id} answers", "mocks": mock, "expect": {"status": "SUCCESS"}}]})

    def as_json(self) -> dict[str, Any]:
        """All of it as plain data."""
        return {
            "agent": self.agent.name,
            "version": self.agent.version,
            "action": self.action.name,
            "description": self.action.description,
            "risk": self.agent.action_risk(self.action.name),
            "effect": self.action.effect,
            "inputSchema": dict(self.action.input_schema),
            "outputSchema": dict(self.action.output_schema),
            "inputExample": self.input_example,
            "outputExample": self.output_example,
            "node": self.node_yaml(),
            "mock": self.mock_yaml(),
        }


def action_help(agent: AgentSpec, action: ActionSpec) -> ActionHelp:
    """The action with examples made from its schemas."""
    return ActionHelp(
        agent=agent,
        action=action,
        input_example=_example(action.input_schema),
        output_example=_example(action.output_schema),
    )


def fields_of(schema: JsonSchema) -> list[dict[str, Any]]:
    """The schema's top-level fields as rows: name, type, whether it is required, description."""
    properties = cast("dict[str, Any]", schema.get("properties") or {})
    required = cast("list[str]", schema.get("required") or [])
    return [
        {
            "name": name,
            "type": _type(each, schema),
            "required": name in required,
            "description": cast("dict[str, Any]", each).get("description", "") if isinstance(each, dict) else "",
        }
        for name, each in properties.items()
    ]


def _type(schema: Any, root: JsonSchema, *, depth: int = 0) -> str:
    """The field's type in a few words."""
    if not isinstance(schema, dict) or depth > 4:
        return "any"
    found = cast("dict[str, Any]", schema)
    if isinstance(reference := found.get("$ref"), str) and reference.startswith("#/$defs/"):
        return _type(root.get("$defs", {}).get(reference.removeprefix("#/$defs/")), root, depth=depth + 1)
    if "enum" in found:
        return " | ".join(str(each) for each in found["enum"])
    if "const" in found:
        return str(found["const"])
    if isinstance(choices := found.get("anyOf") or found.get("oneOf"), list):
        kinds = [_type(each, root, depth=depth + 1) for each in cast("list[Any]", choices)]
        return " | ".join(dict.fromkeys(kinds))
    kind: Any = found.get("type", "any")
    if kind == "array":
        return f"list of {_type(found.get('items'), root, depth=depth + 1)}"
    kinds = cast("list[Any]", kind) if isinstance(kind, list) else [kind]
    special = f" ({found['x-kind']})" if "x-kind" in found else ""
    return " | ".join(str(each) for each in kinds) + special


def _example(schema: JsonSchema) -> Any:
    try:
        return example(schema)
    except NoExample:
        return None


def _yaml(value: Any) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100)
