"""Names: well formed, given once, and known to the catalogue."""

from __future__ import annotations

import re

from compiler.catalogue import Catalogue, JsonSchema
from compiler.checks.reporter import Reporter, node_path
from compiler.diagnostics.diagnostic import did_you_mean, quoted
from compiler.inference.bindings import ResolvedNode, ResolvedWorkflow
from compiler.language.spec import NodeSpec, WorkflowSpec
from compiler.plan import digest_of
from compiler.schemas.validation import check_schema

_WORKFLOW = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_NODE = re.compile(r"[A-Za-z](?:[A-Za-z0-9_-]{0,62}[A-Za-z0-9_])?")
_RESERVED = frozenset({"fail", "continue"})


def check_names(spec: WorkflowSpec, reporter: Reporter) -> None:
    """CC206 for ill-formed names, CC401 for ids given twice."""
    if spec.name and not _WORKFLOW.fullmatch(spec.name):
        hint = "use letters, digits, `-` and `_`, at most 100; it becomes part of NATS subjects"
        reporter.at(("name",), "CC206", f"the workflow's name {quoted(spec.name)} is not a name", hint)
    first: dict[str, int] = {}
    for position, node in enumerate(spec.nodes):
        if not node.id:
            continue
        _check_id(node.id, position, reporter)
        if node.id in first:
            line = reporter.document.span(node_path(first[node.id], "id")).line
            message = f"the node id {node.id!r} is given a second time"
            reporter.at(
                node_path(position, "id"), "CC401", message, f"the first one is in line {line}; rename one of them"
            )
        first.setdefault(node.id, position)


def _check_id(node_id: str, position: int, reporter: Reporter) -> None:
    if not _NODE.fullmatch(node_id):
        hint = "use letters, digits, `-` and `_`, at most 64, starting with a letter"
        reporter.at(node_path(position, "id"), "CC206", f"the node id {quoted(node_id)} is not a name", hint)
    elif node_id in _RESERVED:
        reporter.at(
            node_path(position, "id"), "CC206", f"the node id {node_id!r} is a word of `onFailure`", "rename it"
        )


def check_agents(workflow: ResolvedWorkflow, catalogue: Catalogue, reporter: Reporter) -> None:
    """CC301, CC302 and CC306."""
    checked: set[tuple[str, str]] = set()
    for step in workflow.steps:
        if step.spec.workflow is not None:
            continue
        if step.spec.agent and step.agent is None:
            _unknown_agent(step.spec, step.position, catalogue, reporter)
        elif step.action is not None:
            _check_schemas(step, checked, reporter)
        elif step.agent is not None and step.spec.action:
            message = f"the agent {step.spec.agent!r} has no action {quoted(step.spec.action)}"
            hint = did_you_mean(step.spec.action, step.agent.actions)
            reporter.at(node_path(step.position, "action"), "CC302", message, hint)


def _check_schemas(step: ResolvedNode, checked: set[tuple[str, str]], reporter: Reporter) -> None:
    """The action's schemas, once each: what they say in words unknown here would go unchecked."""
    node, action = step.spec, step.action
    if action is None or (node.agent, node.action) in checked:
        return
    checked.add((node.agent, node.action))
    for name, schema in (("input", action.input_schema), ("output", action.output_schema)):
        for problem in [*check_schema(schema), *_undigestible(schema)][:3]:
            message = f"the {name} schema of {node.agent}.{node.action} cannot be checked: {problem}"
            hint = "fix the agent and register it again"
            reporter.at(node_path(step.position, "action"), "CC306", message, hint)


def _undigestible(schema: JsonSchema) -> list[str]:
    """Why the plan that holds the schema could have no digest."""
    try:
        digest_of(schema)
    except (ValueError, RecursionError) as exc:
        return [f"it has no canonical JSON: {quoted(exc)}"]
    return []


def _unknown_agent(node: NodeSpec, position: int, catalogue: Catalogue, reporter: Reporter) -> None:
    message = f"there is no agent {quoted(node.agent)} in this project"
    hint = did_you_mean(node.agent, catalogue.agents) or "register it: `commandcenter agents register PATH`"
    reporter.at(node_path(position, "agent"), "CC301", message, hint)
