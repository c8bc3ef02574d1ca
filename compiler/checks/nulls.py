"""Why a template may give null, in words: which node may lack an output, which trigger lacks the field."""

from __future__ import annotations

from compiler.expressions.tree import (
    Expression,
    Filtered,
    Reference,
)
from compiler.inference.bindings import Bindings, ResolvedNode, ResolvedWorkflow
from compiler.inference.shape import Lost, descend, of_schema
from compiler.language.spec import WorkflowSpec
from compiler.trigger_types.registry import context_of, trigger_name


def why_null(expression: Expression, bindings: Bindings) -> str:
    """The reason, with a colon before it; empty where there is no simple one."""
    reason = _reason(expression, bindings)
    return f": {reason}" if reason else ""


def _reason(expression: Expression, bindings: Bindings) -> str:
    while isinstance(expression, Filtered):
        if expression.name in ("first", "last"):
            return "the list may be empty"
        expression = expression.value
    if not isinstance(expression, Reference):
        return ""
    workflow = bindings.workflow
    entry = next((step for step in expression.steps if isinstance(step, int)), None)
    if entry is not None:
        return f"the list may have no entry {entry}"
    if expression.root == "nodes" and expression.steps:
        position = workflow.by_id.get(str(expression.steps[0]))
        return _of_node(workflow.steps[position], expression, workflow) if position is not None else ""
    if expression.root == "context":
        return _of_context(workflow.spec, expression)
    return "the field is optional"


def _of_node(step: ResolvedNode, reference: Reference, workflow: ResolvedWorkflow) -> str:
    name = step.spec.id
    if reference.steps[1:2] == ("error",):
        return f"the node {name!r} may have succeeded"
    if step.spec.when is not None and step.spec.when is not True:
        return f"the node {name!r} may be skipped by its condition"
    if step.spec.on_failure == "continue":
        return f"the node {name!r} may fail and let the run continue"
    if step.position in workflow.handlers:
        return f"the node {name!r} runs only when another fails"
    return "the field is optional"


def _of_context(spec: WorkflowSpec, reference: Reference) -> str:
    """The trigger whose runs lack the field, where others have it."""
    for index, trigger in enumerate(spec.trigger):
        schema = context_of(spec, index)
        if schema is not None and isinstance(descend(of_schema(schema), reference.steps), Lost):
            return f"runs started by {trigger_name(trigger)!r} have no such field"
    return "the field is optional"
