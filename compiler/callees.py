"""Workflows that call each other -> what a call of each takes and gives, and the order in which they are compiled."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from compiler.catalogue import CallableWorkflow, JsonSchema
from compiler.diagnostics.diagnostic import DiagnosticList
from compiler.language.composer import compose
from compiler.language.document import plain
from compiler.language.source import Source
from compiler.plan import Plan
from compiler.topology import cycles, sort
from compiler.trigger_types.registry import asks_person

_MAY_CALL = re.compile(r"""workflow["']?\s*:""")
ANYTHING: JsonSchema = {"type": "object"}
NO_OUTPUTS: JsonSchema = {"type": "object", "properties": {}, "additionalProperties": False}


def callable_workflow(
    name: str, plan: Plan | None, known: Mapping[str, CallableWorkflow], *, status: str | None = None
) -> CallableWorkflow:
    """What others may know of it. `plan` None: it has errors. `status`: of the deployed workflow, if it is another."""
    if plan is None:
        return CallableWorkflow(name=name, plan=None, refusal="has errors of its own")
    status = status or plan.status
    called = {node.calls.workflow for node in plan.nodes if node.calls is not None}
    indirect = frozenset[str]().union(*(known[each].calls for each in called if each in known))
    return CallableWorkflow(
        name=name,
        plan=plan,
        input_schema=input_schema(plan),
        output_schema=output_schema(plan),
        calls=indirect | called,
        refusal="" if status == "ACTIVE" else f"is {status} and starts no runs",
    )


def callable_workflows(deployed: Iterable[tuple[Plan, str]]) -> dict[str, CallableWorkflow]:
    """The same of all workflows that are deployed, each with its status, by name."""
    plans = {plan.name: (plan, status) for plan, status in deployed}
    direct = {
        name: {node.calls.workflow for node in plan.nodes if node.calls is not None}
        for name, (plan, _) in plans.items()
    }
    found = {name: callable_workflow(name, plan, {}, status=status) for name, (plan, status) in plans.items()}
    for name, called in direct.items():
        reached, waiting = set[str](), list(called)
        while waiting:
            each = waiting.pop()
            if each not in reached:
                reached.add(each)
                waiting.extend(direct.get(each, ()))
        found[name] = replace(found[name], calls=frozenset(reached))
    return found


def called_plans(plan: Plan, known: Mapping[str, CallableWorkflow]) -> dict[str, Plan]:
    """The plans of all workflows that the plan calls, directly or not, by name."""
    found: dict[str, Plan] = {}
    waiting = [plan]
    while waiting:
        for node in waiting.pop().nodes:
            callee = known.get(node.calls.workflow) if node.calls is not None else None
            if callee is not None and callee.plan is not None and callee.name not in found:
                found[callee.name] = callee.plan
                waiting.append(callee.plan)
    return found


def in_circle(name: str, circle: Sequence[str]) -> CallableWorkflow:
    """One of several that call each other."""
    return CallableWorkflow(name=name, plan=None, circle=tuple(circle), refusal="calls itself in the end")


def input_schema(plan: Plan) -> JsonSchema:
    """What a call gives; the platform adds the project's id."""
    asked = asks_person(plan)
    schema: Mapping[str, Any] | None = plan.context_schema if asked is None else asked.context
    if schema is None:
        return ANYTHING
    return _without_project(schema)


def _without_project(schema: Mapping[str, Any]) -> JsonSchema:
    found = dict(schema)
    if isinstance(found.get("required"), list):
        found["required"] = [each for each in cast("list[str]", found["required"]) if each != "projectId"]
    if isinstance(found.get("anyOf"), list):
        options = cast("list[Any]", found["anyOf"])
        found["anyOf"] = [
            _without_project(cast("Mapping[str, Any]", each)) if isinstance(each, Mapping) else each
            for each in options
        ]
    return found


def output_schema(plan: Plan) -> JsonSchema:
    """What a call gets."""
    if not plan.outputs:
        return NO_OUTPUTS
    return plan.output_schema or ANYTHING


def names_of_calls(source: Source) -> tuple[str, frozenset[str]]:
    """The workflow's name and the names of those it calls, as far as they can be read. Never raises."""
    if not _MAY_CALL.search(source.text):
        return _name(source), frozenset()
    document = compose(source, DiagnosticList(source.path))
    data: Any = plain(document.root) if document is not None else None
    if not isinstance(data, dict):
        return "", frozenset()
    found = cast("dict[str, Any]", data)
    nodes = cast("list[Any]", found["nodes"]) if isinstance(found.get("nodes"), list) else []
    called = [cast("dict[str, Any]", each).get("workflow") for each in nodes if isinstance(each, dict)]
    name = found.get("name")
    return name if isinstance(name, str) else "", frozenset(each for each in called if isinstance(each, str))


def _name(source: Source) -> str:
    document = compose(source, DiagnosticList(source.path))
    data: Any = plain(document.root) if document is not None else None
    name = cast("dict[str, Any]", data).get("name") if isinstance(data, dict) else None
    return name if isinstance(name, str) else ""


def call_order(calls: Sequence[tuple[str, frozenset[str]]]) -> tuple[list[int], dict[str, tuple[str, ...]]]:
    """The positions, those that are called first; and for each workflow of a circle the circle from it on."""
    by_name: dict[str, int] = {}
    for index, (name, _) in enumerate(calls):
        by_name.setdefault(name, index)
    parents = [[by_name[each] for each in sorted(called) if each in by_name] for _, called in calls]
    topology = sort(parents)
    circles: dict[str, tuple[str, ...]] = {}
    for circle in cycles(parents, topology.order):
        names = [calls[index][0] for index in circle]
        for turn, name in enumerate(names):
            circles[name] = (*names[turn:], *names[:turn])
    rest = [index for index in range(len(calls)) if index not in set(topology.order)]
    return [*topology.order, *rest], circles
