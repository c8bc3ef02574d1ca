"""A plan and how its nodes ended -> what the workflow's `outputs` give, in a dry run and in a run alike."""

from __future__ import annotations

from pydantic import JsonValue

from compiler.expressions.evaluation import Scope
from compiler.expressions.template import render
from compiler.expressions.tree import TemplateError
from compiler.plan import Plan


def outputs_of(plan: Plan, scope: Scope) -> dict[str, JsonValue] | None:
    """The outputs by name; None for a workflow without. Raises TemplateError that names the output."""
    if not plan.outputs:
        return None
    found: dict[str, JsonValue] = {}
    for name, template in plan.outputs.items():
        try:
            found[name] = render(template, scope)
        except TemplateError as exc:
            raise TemplateError(
                f"the output {name!r} of workflow {plan.name!r} cannot be evaluated: {exc}"
            ) from exc
    return found
