"""Plan + case -> a run in this process, with mocks for agents and decisions given beforehand.

The order and the rules are those of a real run: a node starts when its dependencies have ended; `when` that is
false skips a node and lets its dependents run with a null output; a node that failed skips all that depends on it,
unless it is let pass; a gate is asked before the node, and a rejection is a failure that nothing lets pass.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal, TypeVar, cast

from pydantic import JsonValue

from compiler.expressions.evaluation import Scope
from compiler.expressions.template import condition, render
from compiler.expressions.tree import (
    TemplateError,
)
from compiler.outputs import outputs_of
from compiler.plan import ApprovalRule, Plan, PlanNode
from compiler.schemas.example import NoExample, example
from compiler.schemas.validation import validate
from compiler.simulation.cases import Case, CaseError, Mock
from compiler.simulation.partial_mocks import completed
from compiler.trigger_types.explaining import explain
from compiler.trigger_types.registry import (
    CALLED,
    MANUAL,
    TYPES,
    asks_person,
    listeners,
    start_misfits,
    started_context,
    trigger_name,
    type_of,
)
from compiler.trigger_types.subjects import subject_matches

Status = Literal["SUCCESS", "FAILED", "SKIPPED"]
Named = TypeVar("Named")
MAX_ITEMS = 1_000
NO_CALLEES: Mapping[str, Plan] = MappingProxyType({})
INSIDE = "/"
"""Between a node that calls a workflow and a node of that workflow, in the names of a case."""


@dataclass(frozen=True)
class NodeRun:
    """How one node ended."""

    node: str
    status: Status
    inputs: tuple[JsonValue, ...] = ()
    """Resolved inputs, one entry for each item."""
    output: JsonValue = None
    error: str | None = None
    why: str = ""
    """Why it was skipped."""
    stops: bool = False
    """Whether what depends on it is skipped."""
    handler: str | None = None
    """The node that handles its failure."""
    attempts: int = 0
    asked: bool = False
    """Whether its gate was asked."""
    called: DryRun | None = None
    """The run of the workflow that it calls."""


@dataclass
class DryRun:
    """One finished run."""

    started: bool
    context: Mapping[str, Any] = field(default_factory=dict[str, Any])
    trigger: str = "manual"
    runs: dict[str, NodeRun] = field(default_factory=dict[str, NodeRun])
    seen: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    """What templates see of the nodes that ended."""
    outputs: JsonValue = None
    refused: str = ""
    """Why what was given by hand cannot start it; empty for an event that matches no trigger."""
    failure: str | None = None
    """Why the run failed although its nodes did not: an output cannot be evaluated."""
    branches: set[str] = field(default_factory=set[str])
    """Branches that were taken, as `coverage.branches_of` names them."""

    @property
    def status(self) -> Literal["SUCCESS", "FAILED"]:
        """FAILED where a node failed that was neither let pass nor handled with success, or an output did."""
        if self.failure is not None:
            return "FAILED"
        failed = [run for run in self.runs.values() if run.status == "FAILED" and run.stops]
        return "FAILED" if any(not self._handled(run) for run in failed) else "SUCCESS"

    def _handled(self, run: NodeRun) -> bool:
        return run.handler is not None and self.runs[run.handler].status == "SUCCESS"

    def ended(self, status: Status) -> list[str]:
        """Nodes that ended so, in the plan's order."""
        return [run.node for run in self.runs.values() if run.status == status]

    @property
    def gates(self) -> list[str]:
        """Nodes whose gate was asked; `node/inner` for one of a workflow that a node calls."""
        found: list[str] = []
        for run in self.runs.values():
            found.extend([run.node] if run.asked else [])
            found.extend(f"{run.node}{INSIDE}{inner}" for inner in (run.called.gates if run.called else ()))
        return found


def dry_run(plan: Plan, case: Case, callees: Mapping[str, Plan] = NO_CALLEES) -> DryRun:
    """The run of the case. Raises CaseError for a case that does not belong to the plan.

    `callees`: workflows by name that nodes call; each call is a dry run of its own, and one that is not given here is
    answered by an example of its outputs.
    """
    _check_names(plan, case)
    trigger = case.trigger or _first_trigger(plan)
    context = case.context if case.context is not None else _example_context(plan, trigger)
    if not _starts(plan, trigger, context):
        refused = "; ".join(start_misfits(plan, trigger, context)) or _unmatched(plan, trigger, context)
        return DryRun(started=False, context=context, trigger=trigger, refused=refused)
    context = {"projectId": plan.project_id, **started_context(plan, trigger, context)}
    played = DryRun(started=True, context=context, trigger=trigger)
    player = _Player(plan, case, played, callees)
    for node in plan.nodes:
        run = player.play(node)
        played.runs[node.id] = run
        played.seen[node.id] = {"output": run.output, "status": run.status, "error": run.error}
    try:
        # A run that fails has no outputs.
        played.outputs = outputs_of(plan, _scope(plan, played)) if played.status == "SUCCESS" else None
    except TemplateError as exc:
        played.failure = str(exc)
    return played


def _check_names(plan: Plan, case: Case) -> None:
    known = {node.id for node in plan.nodes}
    calls = {node.id for node in plan.nodes if node.calls is not None}
    for what, names in (("mocks", case.mocks), ("approvals", case.approvals), ("inputs", case.expect.inputs)):
        for name in names:
            outer, inside, _ = name.partition(INSIDE)
            if name not in known and not (inside and outer in calls and what != "inputs"):
                raise CaseError(f"case {case.name!r}: `{what}` names {name!r}, which is no node of {plan.name!r}")


def _first_trigger(plan: Plan) -> str:
    if not plan.triggers:
        return MANUAL.word
    return trigger_name(plan.triggers[0])


def _example_context(plan: Plan, trigger: str) -> dict[str, JsonValue]:
    """An event the trigger accepts, where its filters are simple."""
    schema: Mapping[str, Any] = plan.context_schema or {"type": "object"}
    if trigger == MANUAL.word and (asked := asks_person(plan)) is not None:
        schema = asked.context or {"type": "object"}
    context = _example_of(schema, "the context: give one under `context`")
    for each in plan.triggers:
        if trigger_name(each) == trigger:
            context = type_of(each).example(each, context)
    return context


def _example_of(schema: Mapping[str, Any], what: str) -> Any:
    try:
        return example(schema)
    except NoExample as exc:
        raise CaseError(f"no example can be made for {what} ({exc})") from exc


def _unmatched(plan: Plan, trigger: str, context: Mapping[str, Any]) -> str:
    """Which filters and expressions of its triggers do not accept the event."""
    said: list[str] = []
    for each in listeners(plan):
        match = explain(each, trigger, context)
        if not match.subject_matches:
            continue
        said += [
            f"the filter on {field.field!r} wants {json.dumps(field.wanted)}, "
            + (f"but the event has {json.dumps(field.found)[:80]}" if field.present else "but the event lacks it")
            for field in match.fields
            if not field.accepted
        ]
        if match.expression_holds is False:
            said.append(f"`expression` is false{f': {match.expression_error}' if match.expression_error else ''}")
    return f"{'; '.join(said[:3])}; give a case with its `context` in the file of tests" if said else ""


def _starts(plan: Plan, trigger: str, context: Mapping[str, Any]) -> bool:
    """A person and the clock always start it, if the values fit; an event only where a trigger accepts it."""
    if trigger.startswith(CALLED) or any(trigger == each.word for each in TYPES if not each.by_subject):
        return not start_misfits(plan, trigger, context)
    return any(type_of(each).starts(each, trigger, context) for each in plan.triggers)


def _scope(plan: Plan, played: DryRun, item: Any = None) -> Scope:
    run = {"id": "dry-run", "trigger": played.trigger, "projectId": plan.project_id, "attempt": 1}
    return Scope(context=played.context, nodes=played.seen, run=run, item=item)


@dataclass(frozen=True)
class _Player:
    """Plays one node."""

    plan: Plan
    case: Case
    so_far: DryRun
    callees: Mapping[str, Plan]

    def play(self, node: PlanNode) -> NodeRun:
        blocked = self._blocked(node)
        try:
            skip = blocked or self._condition(node)
        except TemplateError as exc:
            return self._failed(node, f"its condition fails: {exc}", ())
        if skip:
            return NodeRun(node.id, "SKIPPED", why=skip, stops=bool(blocked) and not node.handler_only)
        try:
            inputs = self._inputs(node)
        except TemplateError as exc:
            return self._failed(node, str(exc), ())
        # A `foreach` over an empty list does nothing, so there is nothing to ask about, and nothing that could fail.
        asked = bool(inputs) and node.gate is not None and not _trusted(node.gate, self.so_far.trigger)
        if asked:
            decision = self.case.approvals.get(node.id, "approve")
            self.so_far.branches.add(f"{node.id}: gate {'approved' if decision == 'approve' else 'rejected'}")
            if decision == "reject":
                error = "the approval was rejected"
                return NodeRun(node.id, "FAILED", tuple(inputs), error=error, stops=True, asked=True)
        return self._answer(node, inputs, asked)

    def _blocked(self, node: PlanNode) -> str:
        """Why the node cannot run, whatever its condition says."""
        runs = self.so_far.runs
        if node.handler_only and not any(runs[each].status == "FAILED" for each in _handled_by(self.plan, node)):
            return "nothing failed that it handles"
        for parent in node.depends_on:
            if runs[parent].stops:
                failed = runs[parent].status == "FAILED"
                return f"{parent!r} {'failed' if failed else 'was skipped for a failure'}"
        return ""

    def _condition(self, node: PlanNode) -> str:
        if node.when is None:
            return ""
        holds = condition(node.when, _scope(self.plan, self.so_far))
        self.so_far.branches.add(f"{node.id}: when {'true' if holds else 'false'}")
        return "" if holds else "its condition is false"

    def _inputs(self, node: PlanNode) -> list[JsonValue]:
        template = cast("JsonValue", node.inputs)
        if node.foreach is None:
            return [render(template, _scope(self.plan, self.so_far))]
        items = render(node.foreach.items, _scope(self.plan, self.so_far))
        if not isinstance(items, list):
            raise TemplateError("`foreach` gave no list")
        self.so_far.branches.add(f"{node.id}: foreach {'some items' if items else 'no items'}")
        if len(items) > MAX_ITEMS:
            raise TemplateError(f"`foreach` gave more than {MAX_ITEMS} items")
        return [render(template, _scope(self.plan, self.so_far, item)) for item in items]

    def _answer(self, node: PlanNode, inputs: list[JsonValue], asked: bool) -> NodeRun:
        for resolved in inputs:
            wrong = validate(resolved, node.input_schema)
            if wrong:
                return self._failed(node, f"the inputs do not fit: {wrong[0]}", inputs, asked=asked)
        mock = self.case.mocks.get(node.id, Mock())
        callee = self.callees.get(node.calls.workflow) if node.calls is not None else None
        if callee is not None and node.id not in self.case.mocks:
            return self._call(node, callee, inputs[0])
        attempts = 1 + node.retries.max
        if inputs and mock.fail is not None and (mock.failures is None or mock.failures >= attempts):
            return self._failed(node, mock.fail, inputs, asked=asked, attempts=attempts)
        tried = 1 + (mock.failures or 0 if mock.fail is not None else 0)
        outputs = [self._output(node, mock, index) for index in range(len(inputs))]
        self.so_far.branches.add(f"{node.id}: succeeds")
        output: JsonValue = outputs if node.foreach is not None else outputs[0]
        return NodeRun(node.id, "SUCCESS", tuple(inputs), output, attempts=tried, asked=asked)

    def _call(self, node: PlanNode, callee: Plan, inputs: JsonValue) -> NodeRun:
        """A dry run of the workflow, with the mocks and decisions that are named `node/inner`."""
        inner = Case(
            name=f"{self.case.name} ({node.id})",
            trigger=f"{CALLED}{self.plan.name}",
            context=cast("dict[str, JsonValue]", inputs),
            mocks=_inside(node.id, self.case.mocks),
            approvals=_inside(node.id, self.case.approvals),
        )
        run = dry_run(callee, inner, self.callees)
        if not run.started:
            return self._failed(node, f"workflow {callee.name!r} does not start: {run.refused}", [inputs])
        if run.status == "FAILED":
            failed = [f"node {each.node!r}: {each.error}" for each in run.runs.values() if each.status == "FAILED"]
            reason = "; ".join([*failed, *([run.failure] if run.failure else [])])
            ended = self._failed(node, f"workflow {callee.name!r} failed: {reason}", [inputs])
            return replace(ended, called=run)
        self.so_far.branches.add(f"{node.id}: succeeds")
        output = run.outputs if run.outputs is not None else {}
        return NodeRun(node.id, "SUCCESS", (inputs,), output, attempts=1, called=run)

    def _output(self, node: PlanNode, mock: Mock, index: int) -> JsonValue:
        if mock.outputs is not None and index >= len(mock.outputs):
            raise CaseError(f"case {self.case.name!r}: the mock of {node.id!r} has too few `outputs`")
        if mock.output is None and mock.outputs is None:
            return _example_of(node.output_schema, f"the output of {node.id!r}: give one under `mocks`")
        output = completed(mock.outputs[index] if mock.outputs is not None else mock.output, node.output_schema)
        wrong = validate(output, node.output_schema)
        if wrong:
            raise CaseError(f"case {self.case.name!r}: node {node.id!r}: the mock does not fit ({wrong[0]})")
        return output

    def _failed(
        self, node: PlanNode, error: str, inputs: Any, *, asked: bool = False, attempts: int = 1
    ) -> NodeRun:
        self.so_far.branches.add(f"{node.id}: fails")
        handler = node.on_failure.removeprefix("handler:") if node.on_failure.startswith("handler:") else None
        return NodeRun(
            node.id,
            "FAILED",
            tuple(inputs),
            error=error,
            stops=node.on_failure != "continue",
            handler=handler,
            attempts=attempts,
            asked=asked,
        )


def _inside(node: str, named: Mapping[str, Named]) -> dict[str, Named]:
    """What is meant for nodes of the workflow that the node calls, by their names there."""
    start = f"{node}{INSIDE}"
    return {name.removeprefix(start): each for name, each in named.items() if name.startswith(start)}


def _trusted(gate: ApprovalRule, trigger: str) -> bool:
    """Whether runs of that trigger pass the gate unasked; `schedule` is a name, the others are subjects."""
    return trigger in gate.trusted_triggers or any(
        subject_matches(name, trigger) for name in gate.trusted_triggers if name != "schedule"
    )


def _handled_by(plan: Plan, handler: PlanNode) -> list[str]:
    return [node.id for node in plan.nodes if node.on_failure == f"handler:{handler.id}"]
