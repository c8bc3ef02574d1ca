"""Nodes that call another workflow: one that is there, may start runs, and does not lead back here."""

from __future__ import annotations

from compiler.catalogue import Catalogue
from compiler.checks.reporter import Reporter, node_path
from compiler.diagnostics.diagnostic import did_you_mean, quoted
from compiler.inference.bindings import ResolvedNode, ResolvedWorkflow
from compiler.language.spec import NodeSpec
from compiler.plan import CALL

_OF_AN_AGENT = (
    "foreach",
    "maxParallel",
    "approvalRequired",
    "approval",
    "retries",
    "timeoutSeconds",
    "memoryMb",
    "network",
    "secrets",
)
_REPEATED = "give the list to the workflow as an input, and write `foreach` at its nodes"
_INSIDE = "put it into the workflow that is called; its gates, retries and limits are its own"


def check_calls(workflow: ResolvedWorkflow, catalogue: Catalogue, reporter: Reporter) -> None:
    """CC308, CC309, CC310 and CC311."""
    for step in workflow.steps:
        if step.spec.workflow is not None:
            _check_keys(step.spec, step.position, reporter)
            _check_callee(workflow.spec.name, step, catalogue, reporter)


def _check_keys(node: NodeSpec, position: int, reporter: Reporter) -> None:
    aliases = {info.alias or name: name for name, info in NodeSpec.model_fields.items()}
    for key in _OF_AN_AGENT:
        if getattr(node, aliases[key]) is not None:
            message = f"a node that calls a workflow takes no `{key}`"
            reporter.at_key(node_path(position, key), "CC311", message, _REPEATED if key == "foreach" else _INSIDE)
    for key, own in (("agent", CALL), ("action", node.workflow)):
        if getattr(node, key) != own:
            message = f"a node has either `workflow`, or `agent` and `action`: this one has `{key}` too"
            reporter.at_key(node_path(position, key), "CC311", message, "remove one of them")


def _check_callee(name: str, step: ResolvedNode, catalogue: Catalogue, reporter: Reporter) -> None:
    wanted, callee = step.spec.workflow or "", step.callee
    place = node_path(step.position, "workflow")
    circle = _circle(name, step)
    if circle:
        reporter.at(
            place, "CC310", f"{name!r} would call itself: {' → '.join(circle)}", "remove one of these calls"
        )
    elif callee is None:
        hint = did_you_mean(wanted, catalogue.workflows.keys() - {name})
        message = f"there is no workflow {quoted(wanted)} in this project"
        reporter.at(place, "CC308", message, hint or "deploy it first, or check both files together")
    elif callee.refusal:
        hint = "fix it first" if callee.plan is None else "deploy it with `status: ACTIVE`"
        reporter.at(place, "CC309", f"the workflow {quoted(wanted)} {callee.refusal}", hint)


def _circle(name: str, step: ResolvedNode) -> tuple[str, ...]:
    wanted, callee = step.spec.workflow, step.callee
    if wanted == name:
        return (name, name)
    if callee is None:
        return ()
    if callee.circle and name in callee.circle:
        turn = callee.circle.index(name)
        return (*callee.circle[turn:], *callee.circle[:turn], name)
    return (name, callee.name, "…", name) if name in callee.calls else ()
