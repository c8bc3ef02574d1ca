"""What the names in a template mean at one place of the workflow: context, upstream nodes, run and item."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from compiler.catalogue import ActionSpec, AgentSpec, CallableWorkflow, Catalogue
from compiler.expressions.tree import Reference
from compiler.inference.shape import ANY, INTEGER, TEXT, Shape, list_of, of_schema
from compiler.language.spec import NodeSpec, WorkflowSpec
from compiler.topology import Topology, positions

RUN_FIELDS: Mapping[str, Shape] = {"id": TEXT, "trigger": TEXT, "projectId": INTEGER, "attempt": INTEGER}
STATUS = Shape(({"enum": ["SUCCESS", "FAILED", "SKIPPED"]},))


@dataclass(frozen=True)
class ResolvedNode:
    """One node of the workflow with what the catalogue knows of it."""

    position: int
    spec: NodeSpec
    agent: AgentSpec | None
    action: ActionSpec | None
    """For a node that calls a workflow: what that takes and gives."""
    callee: CallableWorkflow | None = None


def handler_of(node: NodeSpec) -> str | None:
    """The node that `onFailure` names, or None."""
    return None if node.on_failure in ("fail", "continue") else node.on_failure.removeprefix("handler:")


@dataclass
class ResolvedWorkflow:
    """A spec resolved against the catalogue and its own graph."""

    spec: WorkflowSpec
    steps: Sequence[ResolvedNode]
    by_id: Mapping[str, int]
    topology: Topology
    handlers: frozenset[int]
    """Positions of nodes that run only when another fails."""
    context: Shape
    doubtful: frozenset[int] = frozenset()
    """Positions of nodes whose dependencies are not certain, because of errors that are reported."""
    outputs: Shape | None = None
    """What its `outputs` give, once they are checked."""
    used: set[int] = field(default_factory=set[int])
    """Positions of nodes whose output some template reads."""
    _outputs: dict[int, Shape] = field(default_factory=dict[int, Shape])

    def output(self, position: int) -> Shape:
        """What templates see as the node's output."""
        if position not in self._outputs:
            self._outputs[position] = self._output(self.steps[position])
        return self._outputs[position]

    def _output(self, step: ResolvedNode) -> Shape:
        if step.action is None:
            return ANY
        shape = of_schema(step.action.output_schema)
        if step.spec.foreach is not None:
            shape = list_of(shape.or_null() if step.spec.on_failure != "fail" else shape)
        return shape.or_null() if self.may_lack_output(step) else shape

    def may_lack_output(self, step: ResolvedNode) -> bool:
        """Whether nodes after this one may run although it has no output: skipped, or failed with `continue`."""
        conditional = step.spec.when is not None and step.spec.when is not True
        return conditional or step.spec.on_failure == "continue" or step.position in self.handlers


@dataclass(frozen=True)
class Bindings:
    """The names one template may use."""

    workflow: ResolvedWorkflow
    at: int | None = None
    """Position of the node the template belongs to; None: of the workflow itself."""
    item: Shape | None = None
    nodes_ended: bool = False
    """The workflow's `outputs`: resolved when all nodes have ended."""
    not_null: frozenset[Reference] = frozenset()
    """References that have a value here, because of the condition under which the template is resolved."""

    def given(self, condition: frozenset[Reference]) -> Bindings:
        """The same names where these references have a value as well."""
        return replace(self, not_null=self.not_null | condition) if condition else self

    def has_value(self, root: str, steps: tuple[str | int, ...]) -> bool:
        """Whether the path is not null here: because it is known itself, or because something below it is."""
        return any(known.root == root and known.steps[: len(steps)] == steps for known in self.not_null)

    def may_read(self, position: int) -> bool:
        """Whether the node at that position has ended whenever this template is resolved."""
        if self.nodes_ended or (self.at in self.workflow.doubtful and position != self.at):
            return True
        return self.at is not None and self.workflow.topology.is_upstream(position, of=self.at)

    def failed_into(self, position: int) -> bool:
        """Whether this template belongs to the failure handler of the node at that position."""
        handler = handler_of(self.workflow.steps[position].spec)
        return self.at is not None and handler == self.workflow.steps[self.at].spec.id

    def failed_for_certain(self, position: int) -> bool:
        """Whether the node at that position is the only one whose failure wakes the node of this template."""
        if not self.failed_into(position):
            return False
        handler = handler_of(self.workflow.steps[position].spec)
        return sum(handler_of(step.spec) == handler for step in self.workflow.steps) == 1


def resolve(
    spec: WorkflowSpec, catalogue: Catalogue, topology: Topology, context: Shape, *, doubtful: frozenset[int]
) -> ResolvedWorkflow:
    """The workflow with its agents and actions looked up."""
    by_id = positions([node.id for node in spec.nodes])
    steps: list[ResolvedNode] = []
    for position, node in enumerate(spec.nodes):
        if node.workflow is not None:
            steps.append(_call(position, node, catalogue))
            continue
        agent = catalogue.agents.get(node.agent)
        steps.append(ResolvedNode(position, node, agent, catalogue.find(node.agent, node.action)))
    named = [handler_of(node) for node in spec.nodes]
    handlers = [by_id[name] for name in named if name is not None and name in by_id]
    return ResolvedWorkflow(spec, steps, by_id, topology, frozenset(handlers), context, _below(doubtful, topology))


def _call(position: int, node: NodeSpec, catalogue: Catalogue) -> ResolvedNode:
    callee = catalogue.workflows.get(node.workflow or "")
    if callee is None or callee.plan is None or callee.refusal:
        return ResolvedNode(position, node, None, None, callee)
    action = ActionSpec(name=callee.name, input_schema=callee.input_schema, output_schema=callee.output_schema)
    return ResolvedNode(position, node, None, action, callee)


def _below(doubtful: frozenset[int], topology: Topology) -> frozenset[int]:
    """The nodes and all that run after them: what lies upstream of these is not certain either."""
    if not doubtful:
        return doubtful
    members = sum(1 << position for position in doubtful)
    return doubtful | {node for node in topology.order if topology.ancestors[node] & members}


Note = Callable[[str, str, str, str], None]
"""Reports an error in a template: code, message, hint, and the part of the text that is wrong."""
