"""Catalogue -> JSON Schema of workflow files, for editors with a YAML language server.

The language comes from the spec's models; each registered action adds a rule: where a node names it, its inputs
are those of the action, each of them the value itself or a template.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from compiler.catalogue import ActionSpec, AgentSpec, CallableWorkflow, Catalogue, JsonSchema
from compiler.inference.shape import of_schema
from compiler.language.spec import TRIGGER_SPECS, ManualSpec, WorkflowSpec
from compiler.trigger_types.subjects import KNOWN_CONTEXTS

DIALECT = "http://json-schema.org/draft-07/schema#"
"""What YAML language servers understand best."""
_TEMPLATE: dict[str, Any] = {"type": "string", "pattern": r"\{\{[\s\S]*\}\}", "description": "A template."}
_MAX_DEPTH = 6


def editor_schema(catalogue: Catalogue) -> dict[str, Any]:
    """The schema of a workflow file, with the project's agents in it."""
    language = WorkflowSpec.model_json_schema(by_alias=True, ref_template="#/definitions/{model}")
    definitions: dict[str, Any] = language.pop("$defs")
    node = definitions["NodeSpec"]
    node["required"] = ["id"]
    node["anyOf"] = [{"required": ["agent", "action"]}, {"required": ["workflow"]}]
    if catalogue.workflows:
        node["properties"]["workflow"] = {"enum": sorted(catalogue.workflows), "description": "A workflow to run."}
    if catalogue.agents:
        node["properties"]["agent"] = {"enum": sorted(catalogue.agents), "description": "A registered agent."}
    rules = [_agent_rule(agent) for _, agent in sorted(catalogue.agents.items())]
    rules += [_call_rule(each) for _, each in sorted(catalogue.workflows.items())]
    if rules:
        node["allOf"] = rules
    _either(definitions)
    language["properties"]["trigger"] = _one_or_list(_trigger(definitions))
    subject = definitions["EventSpec"]["properties"]["event"]
    subject.update({"examples": [*KNOWN_CONTEXTS], "description": "NATS subject; `*` and `>` as in NATS."})
    return {"$schema": DIALECT, "title": "CommandCenter workflow", **language, "definitions": definitions}


def _either(definitions: dict[str, Any]) -> None:
    """Texts such as a deadline are numbers or durations."""
    deadline = definitions["ApprovalSpec"]["properties"]["deadline"]
    duration = {"type": "string", "pattern": r"^[1-9][0-9]{0,6}[smhd]$"}
    definitions["ApprovalSpec"]["properties"]["deadline"] = {"anyOf": [*deadline["anyOf"], duration]}


def _trigger(definitions: dict[str, Any]) -> dict[str, Any]:
    names = [each.__name__ for each in TRIGGER_SPECS if each.__name__ in definitions]
    word = {"const": ManualSpec.word, "description": "Started by hand; `context` says what is given."}
    return {"anyOf": [word, *({"$ref": f"#/definitions/{name}"} for name in names)]}


def _one_or_list(schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "anyOf": [*schema["anyOf"], {"type": "array", "items": schema}],
        "description": "One trigger or several.",
    }


def _agent_rule(agent: AgentSpec) -> dict[str, Any]:
    """Where the node names the agent: its actions, and the inputs of each."""
    described = [
        {"const": action.name, "description": _about(agent, action)} for _, action in sorted(agent.actions.items())
    ]
    return {
        "if": {"properties": {"agent": {"const": agent.name}}, "required": ["agent"]},
        "then": {
            "properties": {"action": {"anyOf": described} if described else {"enum": []}},
            "allOf": [_action_rule(action) for _, action in sorted(agent.actions.items())],
        },
    }


def _about(agent: AgentSpec, action: ActionSpec) -> str:
    risk = agent.action_risk(action.name)
    outputs = ", ".join(cast("Mapping[str, Any]", action.output_schema.get("properties") or {}))
    gives = f" Output: {outputs}." if outputs else ""
    return f"{action.description or action.name} (agent {agent.name} {agent.version}, risk {risk}).{gives}"


def _call_rule(callee: CallableWorkflow) -> dict[str, Any]:
    """Where the node names the workflow: its inputs."""
    named = {"properties": {"workflow": {"const": callee.name}}, "required": ["workflow"]}
    return {"if": named, "then": _inputs_rule(callee.input_schema)}


def _action_rule(action: ActionSpec) -> dict[str, Any]:
    named = {"properties": {"action": {"const": action.name}}, "required": ["action"]}
    return {"if": named, "then": _inputs_rule(action.input_schema)}


def _inputs_rule(inputs: JsonSchema) -> dict[str, Any]:
    properties = cast("Mapping[str, Any]", inputs.get("properties") or {})
    required = cast("list[str]", inputs.get("required") or [])
    shown = {
        "type": "object",
        "properties": {name: _or_template(each, inputs) for name, each in properties.items()},
        "required": required,
        "additionalProperties": inputs.get("additionalProperties", True) is not False,
    }
    then: dict[str, Any] = {"properties": {"inputs": shown}}
    if required:
        then["required"] = ["inputs"]
    return then


def _or_template(schema: Any, root: JsonSchema) -> dict[str, Any]:
    """The input itself, references resolved, or a template."""
    plain = _inlined(schema, root, 0)
    about = {key: plain.pop(key) for key in ("title", "description", "default") if key in plain}
    if plain == {"type": "string"}:
        return {**plain, **about}
    return {"anyOf": [plain, _TEMPLATE], **about}


def _inlined(schema: Any, root: JsonSchema, depth: int) -> dict[str, Any]:
    """The schema without references and without annotations of ours; anything goes below a few levels."""
    if not isinstance(schema, Mapping) or depth > _MAX_DEPTH:
        return {}
    found = cast("Mapping[str, Any]", schema)
    if "$ref" in found:
        rooted: JsonSchema = {**found, "$defs": root.get("$defs", {})}
        options = [_inlined(each, root, depth + 1) for each in of_schema(rooted).alternatives]
        return options[0] if len(options) == 1 else {"anyOf": options}
    return {key: _part(key, value, root, depth) for key, value in found.items() if _kept(key)}


def _kept(key: str) -> bool:
    return not key.startswith(("x-", "$"))


def _part(key: str, value: Any, root: JsonSchema, depth: int) -> Any:
    if key in ("items", "additionalProperties", "not") and isinstance(value, Mapping):
        return _below(value, root, depth)
    if key in ("anyOf", "oneOf", "allOf", "prefixItems") and isinstance(value, list):
        return [_below(each, root, depth) for each in cast("list[Any]", value)]
    if key == "properties" and isinstance(value, Mapping):
        return {name: _below(each, root, depth) for name, each in cast("Mapping[str, Any]", value).items()}
    return value


def _below(value: Any, root: JsonSchema, depth: int) -> dict[str, Any]:
    """A part of a value may be a template as well."""
    inner = _inlined(value, root, depth + 1)
    if not inner or inner.get("type") == "string":
        return inner
    return {"anyOf": [inner, _TEMPLATE]}
