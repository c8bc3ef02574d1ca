"""Templates that steer (`when`, `foreach`, `concurrency.key`, `expression`) and the workflow's `outputs`."""

from __future__ import annotations

from pydantic import JsonValue

from compiler.checks.inputs import shape_of
from compiler.checks.reporter import Reporter, node_path
from compiler.expressions.evaluation import Scope, evaluate
from compiler.expressions.template import TemplateFault, condition_expression
from compiler.expressions.tree import (
    Compare,
    Constant,
    Expression,
    Logic,
    Not,
    Reference,
    TemplateError,
)
from compiler.inference.bindings import Bindings, ResolvedNode, ResolvedWorkflow
from compiler.inference.narrowing import not_null_if
from compiler.inference.shape import ANY, Lost, Shape, step
from compiler.language.document import Path


def check_condition(value: str | bool | None, path: Path, bindings: Bindings, reporter: Reporter) -> None:
    """CC501, CC604 and CC902 of one condition."""
    if value is None:
        return
    if isinstance(value, bool):
        _never_changes(value, path, "", reporter)
        return
    try:
        piece = condition_expression(value)
    except TemplateFault as exc:
        reporter.at_part(path, exc.part, "CC501", str(exc), hint=exc.hint)
        return
    shape = reporter.shape(piece, path, bindings)
    if shape is None:
        return
    if shape.known and shape.kinds - {"boolean", "null"}:
        message = f"a condition must give true or false, this gives {shape.describe()}"
        reporter.at_part(path, piece.text, "CC604", message, hint="compare it with a value: `… > 0`, `… == true`")
    elif _is_constant(piece.expression):
        try:
            _never_changes(evaluate(piece.expression, Scope()) is True, path, piece.text, reporter)
        except TemplateError as exc:
            reporter.at_part(path, piece.text, "CC501", str(exc))


def _never_changes(value: bool, path: Path, part: str, reporter: Reporter) -> None:
    outcome = "always true" if value else "always false: the node never runs"
    hint = "remove it" if value else "remove the node, or compare with a value that can occur"
    reporter.at_part(path, part, "CC902", f"the condition is {outcome}", hint=hint)


def _is_constant(expression: Expression) -> bool:
    match expression:
        case Constant():
            return True
        case Not():
            return _is_constant(expression.operand)
        case Logic() | Compare():
            return _is_constant(expression.left) and _is_constant(expression.right)
        case _:
            return False


def known_by_condition(value: str | bool | None) -> frozenset[Reference]:
    """References that have a value where a node with this `when` runs; none for a condition that cannot be read."""
    if not isinstance(value, str):
        return frozenset()
    try:
        return not_null_if(condition_expression(value).expression, holds=True)
    except TemplateFault:
        return frozenset()


def item_shape(
    workflow: ResolvedWorkflow, node: ResolvedNode, reporter: Reporter, given: frozenset[Reference]
) -> Shape | None:
    """What `item` is in the node; None where it has no `foreach`. CC603 where that is no list."""
    value = node.spec.foreach
    if value is None:
        return None
    path = node_path(node.position, "foreach")
    shape = shape_of(value, path, reporter, Bindings(workflow, node.position, not_null=given))
    if shape is None or not shape.known:
        return ANY
    if shape.kinds - {"array"}:
        message = f"`foreach` needs a list, this is {shape.describe()}"
        reporter.at(path, "CC603", message, "refer to a list; give `| default([])` where it may be null")
        return ANY
    found = step(shape, 0)
    return ANY if isinstance(found, Lost) or not found.known else _certain(found)


def _certain(shape: Shape) -> Shape:
    # An item at position 0 may be missing; the item that runs is there.
    return shape.without_null()


def check_workflow_templates(workflow: ResolvedWorkflow, reporter: Reporter) -> None:
    """`concurrency.key`, triggers' expressions and `outputs`."""
    spec = workflow.spec
    before = Bindings(workflow)
    if spec.concurrency is not None and spec.concurrency.key is not None:
        _check_text(spec.concurrency.key, ("concurrency", "key"), before, reporter)
    workflow.outputs = shape_of(spec.outputs, ("outputs",), reporter, Bindings(workflow, nodes_ended=True))


def _check_text(value: JsonValue, path: Path, bindings: Bindings, reporter: Reporter) -> None:
    shape_of(value, path, reporter, bindings)
