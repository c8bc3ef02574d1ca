"""What the API answers about texts of workflows: diagnostics, plans as graphs, changes, versions, dry runs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from api.schemas import DiagnosticAnswer, ResponseModel, WorkflowDetail
from compiler import CaseResults, Diagnostic, Plan, Proof, ReviewedChange
from compiler.completion import CompletionKind
from compiler.plan_graph import EdgeKind, PlanGraph
from operations.compile_source import CompiledSource, Fix
from operations.counterfactual import Counterfactual
from operations.deploy_review import DeployReview
from records import WorkflowDraft, WorkflowVersion


class FixAnswer(ResponseModel):
    """A replacement of exactly the range of its diagnostic."""

    title: str
    text: str


class FixableDiagnostic(DiagnosticAnswer):
    """A diagnostic, with a replacement where one is known."""

    fix: FixAnswer | None = None

    @classmethod
    def with_fix(cls, diagnostic: Diagnostic, fix: Fix | None) -> FixableDiagnostic:
        """The pair as JSON."""
        known = DiagnosticAnswer.of(diagnostic).model_dump(by_alias=False)
        return cls(**known, fix=None if fix is None else FixAnswer(title=fix.title, text=fix.text))


class GateAnswer(ResponseModel):
    """Who may open a gate."""

    policy: str = Field(description="In words.")
    approvers: tuple[str, ...]
    quorum: int
    deadline_seconds: int | None
    on_expiry: str
    allow_self_approval: bool
    allow_unverified: bool
    trusted_triggers: tuple[str, ...]


class TaintedAnswer(ResponseModel):
    """An input that text from outside may reach."""

    input: str
    source: str


class GraphNodeAnswer(ResponseModel):
    """A node of a plan."""

    id: str
    agent: str
    agent_type: str
    agent_version: str
    action: str
    description: str
    depends_on: tuple[str, ...]
    when: str | bool | None
    foreach: Any
    risk: str
    effect: str | None
    gate: GateAnswer | None
    inputs: dict[str, Any]
    input_schema: dict[str, Any]
    output_schema: dict[str, Any]
    secrets: tuple[str, ...]
    network: tuple[str, ...]
    on_failure: str
    handler_only: bool
    timeout_seconds: int
    memory_mb: int
    retries: int
    tainted: list[TaintedAnswer]


class FlowAnswer(ResponseModel):
    """What flows along an edge into one input."""

    input: str
    reference: str
    type: str


class EdgeAnswer(ResponseModel):
    """One node runs after another."""

    source: str = Field(alias="from")
    target: str = Field(alias="to")
    kind: EdgeKind
    type: str | None = Field(description="Types of what the target reads, in words; null: it only waits.")
    flows: list[FlowAnswer]


class PlanAnswer(ResponseModel):
    """A checked workflow as a graph."""

    name: str
    digest: str
    description: str
    status: str
    trigger: Any
    concurrency: Any
    outputs: dict[str, Any]
    nodes: list[GraphNodeAnswer]
    edges: list[EdgeAnswer]
    order: list[str]

    @classmethod
    def of(cls, plan: Plan, graph: PlanGraph) -> PlanAnswer:
        """The plan as JSON."""
        return cls(
            name=plan.name,
            digest=plan.digest,
            description=plan.description,
            status=plan.status,
            trigger=plan.trigger_source,
            concurrency=None if plan.concurrency is None else plan.concurrency.model_dump(mode="json"),
            outputs=dict(plan.outputs),
            nodes=[_node(plan, graph, each.id) for each in plan.nodes],
            edges=[
                EdgeAnswer.model_validate(
                    {
                        "from": edge.source,
                        "to": edge.target,
                        "kind": edge.kind,
                        "type": ", ".join(dict.fromkeys(flow.type for flow in edge.flows)) or None,
                        "flows": [vars(flow) for flow in edge.flows],
                    }
                )
                for edge in graph.edges
            ],
            order=[node.id for node in plan.nodes],
        )


def _node(plan: Plan, graph: PlanGraph, node_id: str) -> GraphNodeAnswer:
    node = plan.node(node_id)
    known = node.model_dump(mode="json")
    known["foreach"] = None if node.foreach is None else known["foreach"]
    known["retries"] = node.retries.max
    known["gate"] = None
    if node.gate is not None:
        known["gate"] = {
            **node.gate.model_dump(mode="json"),
            "policy": _policy(node.gate.quorum, node.gate.approvers),
        }
    tainted = [TaintedAnswer(input=each.input, source=each.source) for each in graph.tainted.get(node_id, ())]
    fields = {name: known[name] for name in GraphNodeAnswer.model_fields if name != "tainted"}
    return GraphNodeAnswer(**fields, tainted=tainted)


def _policy(quorum: int, approvers: tuple[str, ...]) -> str:
    who = f"of {', '.join(approvers)}" if approvers else "of anybody but who started the run"
    return f"{quorum} approval{'s' if quorum > 1 else ''} {who}"


class ChangeAnswer(ResponseModel):
    """One change in meaning."""

    kind: str
    workflow: str
    subject: str
    message: str
    dangerous: bool = Field(description="Whether a person must agree to it.")

    @classmethod
    def of(cls, change: ReviewedChange) -> ChangeAnswer:
        """The change as JSON."""
        return cls(**vars(change), dangerous=change.dangerous)


class ProofAnswer(ResponseModel):
    """Whether every path to a risky action passes its gate."""

    node: str
    action: str
    holds: bool
    paths: int
    trusted: tuple[str, ...]

    @classmethod
    def of(cls, proof: Proof) -> ProofAnswer:
        """The proof as JSON."""
        return cls(
            node=proof.node, action=proof.action, holds=proof.holds, paths=proof.count, trusted=proof.trusted
        )


class CompileAnswer(ResponseModel):
    """What became of a text. Nothing was saved."""

    diagnostics: list[FixableDiagnostic]
    plan: PlanAnswer | None
    gate_proof: list[ProofAnswer]
    changes: list[ChangeAnswer] = Field(description="Against what is deployed.")

    @classmethod
    def of(cls, compiled: CompiledSource) -> CompileAnswer:
        """The result as JSON."""
        plan = None
        if compiled.plan is not None and compiled.graph is not None:
            plan = PlanAnswer.of(compiled.plan, compiled.graph)
        return cls(
            diagnostics=[FixableDiagnostic.with_fix(each, fix) for each, fix in compiled.diagnostics],
            plan=plan,
            gate_proof=[ProofAnswer.of(each) for each in compiled.proofs],
            changes=[] if compiled.review is None else [ChangeAnswer.of(each) for each in compiled.review.changes],
        )


class ReviewAnswer(ResponseModel):
    """What deploying a text would change."""

    diagnostics: list[FixableDiagnostic]
    changes: list[ChangeAnswer]
    agreement_needed: bool
    waiting_runs: list[str] = Field(description="Runs that go on with the plan they started with.")
    plan_digest: str | None

    @classmethod
    def of(cls, compiled: CompiledSource) -> ReviewAnswer:
        """The review as JSON."""
        review: DeployReview | None = compiled.review
        return cls(
            diagnostics=[FixableDiagnostic.with_fix(each, fix) for each, fix in compiled.diagnostics],
            changes=[] if review is None else [ChangeAnswer.of(each) for each in review.changes],
            agreement_needed=review is not None and bool(review.dangerous),
            waiting_runs=[] if review is None else list(review.waiting),
            plan_digest=None if compiled.plan is None else compiled.plan.digest,
        )


class CompletionAnswer(ResponseModel):
    """One thing that may stand at the cursor."""

    label: str
    insert: str = Field(description="Replaces the word that ends at the cursor.")
    kind: CompletionKind
    detail: str


class OfferAnswer(ResponseModel):
    """One path that templates of a node may read."""

    reference: str = Field(description="As it stands in a template: `nodes.scan.output.scanId`.")
    type: str = Field(description="In words.")
    node: str | None = Field(description="Whose output it is part of; null: of the context, the item or the run.")
    refused: dict[str, str] = Field(description="Input -> why it does not take this; all other inputs take it.")
    refused_within: dict[str, str] = Field(
        description="The same for members of inputs that are groups, by JSON Pointer: `/options/title`."
    )


class ConnectionAnswer(ResponseModel):
    """What an edge from one node to another could carry."""

    source: str
    target: str
    takes: dict[str, str] = Field(
        description="Input of the target, or JSON Pointer into a group -> a reference to the source's output that fits."
    )
    why: str = Field(description="Why it carries nothing; empty where it does.")
    possible: bool = Field(description="False: the edge is there already, or would close a circle.")


class ScheduleAnswer(ResponseModel):
    """A schedule, explained."""

    words: str
    next: list[datetime]
    timezone: str


class MissedTimeAnswer(ResponseModel):
    """A time of a schedule that no run began for."""

    at: datetime
    cron: str


class BackfillAnswer(ResponseModel):
    """Runs for past times."""

    started: dict[str, str] = Field(description="Time -> flow run.")


class DryNodeAnswer(ResponseModel):
    """How a node ended in a dry run."""

    node_id: str
    status: str
    inputs: Any
    output: Any
    error: str | None
    why: str = Field(description="Why it was skipped.")
    gate_asked: bool


class DryCaseAnswer(ResponseModel):
    """One case, played."""

    name: str
    passed: bool
    failures: tuple[str, ...]
    started: bool
    status: str | None
    trigger: str | None
    context: Any
    path: list[str] = Field(description="Nodes that ran, in order.")
    skipped: list[str]
    gates: list[str] = Field(description="Nodes whose gate was asked.")
    nodes: list[DryNodeAnswer]
    outputs: Any


class CoverageAnswer(ResponseModel):
    """Which ways through the workflow the cases took."""

    covered: tuple[str, ...]
    missed: tuple[str, ...]


class DryRunAnswer(ResponseModel):
    """All cases of one dry run."""

    workflow: str
    passed: bool
    cases: list[DryCaseAnswer]
    coverage: CoverageAnswer

    @classmethod
    def of(cls, plan: Plan, results: CaseResults) -> DryRunAnswer:
        """The results as JSON."""
        cases: list[DryCaseAnswer] = []
        for each in results.cases:
            run = each.played
            runs = [] if run is None else list(run.runs.values())
            nodes = [
                DryNodeAnswer(
                    node_id=node.node,
                    status=node.status,
                    inputs=list(node.inputs) if plan.node(node.node).foreach else next(iter(node.inputs), None),
                    output=node.output,
                    error=node.error,
                    why=node.why,
                    gate_asked=node.asked,
                )
                for node in runs
            ]
            cases.append(
                DryCaseAnswer(
                    name=each.case,
                    passed=each.passed,
                    failures=each.failures,
                    started=run is not None and run.started,
                    status=run.status if run is not None and run.started else None,
                    trigger=None if run is None else run.trigger,
                    context=None if run is None else dict(run.context),
                    path=[node.node for node in runs if node.status != "SKIPPED"],
                    skipped=[node.node for node in runs if node.status == "SKIPPED"],
                    gates=[] if run is None else run.gates,
                    nodes=nodes,
                    outputs=None if run is None else run.outputs,
                )
            )
        coverage = CoverageAnswer(covered=results.covered, missed=results.missed)
        return cls(workflow=plan.name, passed=results.passed, cases=cases, coverage=coverage)


class VersionAnswer(ResponseModel):
    """A version of a workflow, without its text."""

    number: int
    plan_digest: str
    saved_by: str | None
    saved_at: datetime
    has_source: bool

    @classmethod
    def of(cls, version: WorkflowVersion) -> VersionAnswer:
        """The version as JSON."""
        return cls(
            number=version.number,
            plan_digest=version.plan_digest,
            saved_by=version.saved_by,
            saved_at=version.saved_at,
            has_source=version.text is not None,
        )


class VersionDetail(VersionAnswer):
    """A version with its text."""

    source: str | None


class DraftAnswer(ResponseModel):
    """A text that somebody is writing."""

    name: str
    source: str
    base_etag: str | None = Field(alias="baseETag", description="Of the saved text that it began from.")
    updated_by: str
    updated_at: datetime

    @classmethod
    def of(cls, draft: WorkflowDraft) -> DraftAnswer:
        """The draft as JSON."""
        return cls.model_validate(
            {
                "name": draft.name,
                "source": draft.text,
                "baseETag": draft.base_etag,
                "updatedBy": draft.updated_by,
                "updatedAt": draft.updated_at,
            }
        )


class WorkflowSourceDetail(WorkflowDetail):
    """A deployed workflow with its plan, its graph and its text."""

    source: str | None = Field(description="As it was saved, with its comments; null where only the plan came.")
    version: int | None
    graph: PlanAnswer | None


class OutcomeAnswer(ResponseModel):
    """What a version did, or would do, with one event."""

    started: bool
    status: str | None = Field(description="null where nothing started, or the run has not ended.")
    nodes: tuple[str, ...] = Field(description="Those that ran.")
    gates: tuple[str, ...] = Field(description="Nodes that a person was asked about.")


class ReplayedEventAnswer(ResponseModel):
    """One recorded event, then and now."""

    event_id: str
    subject: str
    received_at: datetime
    run_id: str | None
    then: OutcomeAnswer
    now: OutcomeAnswer
    assumed: tuple[str, ...] = Field(description="Nodes whose output is an example, since none of then fits.")
    differences: tuple[str, ...]


class CounterfactualAnswer(ResponseModel):
    """What a version would have done with recorded events. Nothing was started."""

    workflow: str
    plan_digest: str
    since: datetime
    looked: int = Field(description="How many recorded events were looked at.")
    changed: int = Field(description="How many would be different.")
    events: list[ReplayedEventAnswer] = Field(
        description="Those that started it then, or would now; newest first."
    )

    @classmethod
    def of(cls, found: Counterfactual) -> CounterfactualAnswer:
        """The result as JSON."""
        return cls(
            workflow=found.plan.name,
            plan_digest=found.plan.digest,
            since=found.since,
            looked=found.looked,
            changed=found.changed,
            events=[
                ReplayedEventAnswer(
                    event_id=each.event.id,
                    subject=each.event.subject,
                    received_at=each.event.received_at,
                    run_id=each.run_id,
                    then=OutcomeAnswer.model_validate(each.then),
                    now=OutcomeAnswer.model_validate(each.now),
                    assumed=each.assumed,
                    differences=each.differences,
                )
                for each in found.events
            ],
        )
