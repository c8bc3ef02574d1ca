"""Checked workflow -> frozen plan."""

from __future__ import annotations

from typing import Any, cast

from pydantic import JsonValue

from compiler.checks.risk import gate_of, risk_of
from compiler.inference.bindings import ResolvedNode, ResolvedWorkflow, handler_of
from compiler.inference.shape import merged
from compiler.language.spec import NodeSpec
from compiler.plan import (
    CALL,
    Call,
    Concurrency,
    Foreach,
    Plan,
    PlanNode,
    Retries,
)
from compiler.trigger_types.registry import context_of, type_of

DEFAULT_PARALLEL = 4


def plan(workflow: ResolvedWorkflow, *, project_id: int, trigger_source: JsonValue) -> Plan:
    """The plan. Only for workflows without errors: every agent and action is known."""
    spec = workflow.spec
    concurrency = spec.concurrency
    return Plan(
        name=spec.name,
        description=spec.description,
        project_id=spec.project_id or project_id,
        status=spec.status,
        triggers=tuple(type_of(each).plan(each, spec.context_schema) for each in spec.trigger),
        trigger_source=trigger_source,
        context_schema=_context_schema(workflow),
        trusted_triggers=tuple(sorted(spec.approval_policy.trusted_triggers)) if spec.approval_policy else (),
        concurrency=concurrency
        and Concurrency(limit=concurrency.limit, key=concurrency.key, on_conflict=concurrency.on_conflict),
        nodes=tuple(_node(workflow, workflow.steps[position]) for position in workflow.topology.order),
        outputs=spec.outputs,
        output_schema=_output_schema(workflow),
    )


def _context_schema(workflow: ResolvedWorkflow) -> dict[str, JsonValue] | None:
    """One schema for all triggers; None where one of them may bring anything."""
    spec = workflow.spec
    if not spec.trigger:
        return spec.context_schema
    schemas = [context_of(spec, index) for index in range(len(spec.trigger))]
    distinct: list[dict[str, JsonValue]] = []
    for schema in schemas:
        if schema is None:
            return None
        if schema not in distinct:
            distinct.append(cast("dict[str, JsonValue]", dict(schema)))
    return distinct[0] if len(distinct) == 1 else {"anyOf": cast("list[Any]", distinct)}


def _output_schema(workflow: ResolvedWorkflow) -> dict[str, JsonValue] | None:
    if not workflow.spec.outputs or workflow.outputs is None:
        return None
    schema, definitions = merged(workflow.outputs)
    return cast("dict[str, JsonValue]", {**schema, **definitions})


def _call(step: ResolvedNode, handler_only: bool) -> PlanNode:
    node, action, callee = step.spec, step.action, step.callee
    assert action is not None
    assert callee is not None
    assert callee.plan is not None
    handler = handler_of(node)
    return PlanNode(
        id=node.id,
        agent=CALL,
        agent_type="SCRIPT",
        agent_version="",
        entry_path="",
        action=callee.name,
        description=node.description or callee.plan.description,
        risk="AUTO",
        inputs=node.inputs,
        input_schema=cast("dict[str, JsonValue]", action.input_schema),
        output_schema=cast("dict[str, JsonValue]", action.output_schema),
        depends_on=tuple(node.depends_on),
        when=node.when,
        on_failure=f"handler:{handler}" if handler else node.on_failure,
        handler_only=handler_only,
        calls=Call(workflow=callee.name, plan=callee.plan.digest),
    )


def _node(workflow: ResolvedWorkflow, step: ResolvedNode) -> PlanNode:
    if step.callee is not None:
        return _call(step, step.position in workflow.handlers)
    node, agent, action = step.spec, step.agent, step.action
    assert agent is not None
    assert action is not None
    handler = handler_of(node)
    return PlanNode(
        id=node.id,
        agent=agent.name,
        agent_type=agent.type,
        agent_version=agent.version,
        agent_digest=agent.code_digest,
        entry_path=agent.entry_path,
        action=action.name,
        description=node.description or action.description,
        effect=action.effect,
        risk=risk_of(step),
        inputs=node.inputs,
        input_schema=cast("dict[str, JsonValue]", action.input_schema),
        output_schema=cast("dict[str, JsonValue]", action.output_schema),
        result_schema=cast("dict[str, JsonValue] | None", action.result_schema),
        depends_on=tuple(node.depends_on),
        gate=gate_of(workflow, step),
        when=node.when,
        foreach=_foreach(node),
        retries=_retries(node),
        timeout_seconds=node.timeout_seconds or agent.timeout_seconds,
        memory_mb=node.memory_mb or agent.memory_mb,
        network=agent.network if node.network is None else tuple(sorted(node.network)),
        secrets=agent.secrets if node.secrets is None else tuple(sorted(node.secrets)),
        required_secrets=tuple(sorted(node.secrets or ())),
        settings=agent.settings,
        on_failure=f"handler:{handler}" if handler else node.on_failure,
        handler_only=step.position in workflow.handlers,
    )


def _foreach(node: NodeSpec) -> Foreach | None:
    if node.foreach is None:
        return None
    return Foreach(items=node.foreach, max_parallel=node.max_parallel or DEFAULT_PARALLEL)


def _retries(node: NodeSpec) -> Retries:
    retries = node.retries
    if retries is None:
        return Retries()
    return Retries(max=retries.max, backoff_seconds=retries.backoff_seconds, jitter=retries.jitter)
