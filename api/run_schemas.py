"""What the API answers about one run: its graph, the states of all nodes, timeline and root cause."""

from __future__ import annotations

from typing import Any

from api.schemas import (
    AgentRunAnswer,
    ApprovalAnswer,
    ArtifactAnswer,
    AuditAnswer,
    NodeAnswer,
    ResponseModel,
    RootCauseAnswer,
    RunAnswer,
    TimelineAnswer,
)
from api.workflow_schemas import PlanAnswer
from operations.run_report import RunReport


class CalledRun(ResponseModel):
    """A run that a node called."""

    node: str | None
    run_id: str
    workflow_name: str
    status: str


class RunDetailResponse(RunAnswer):
    """A run with all that happened in it."""

    root_cause: RootCauseAnswer | None
    """First, since it is what one looks for."""
    outputs: dict[str, Any] | None
    """What the workflow's `outputs` gave, by name; null for a run that has not ended well, or a workflow without."""
    executed_by: dict[str, str]
    """Sandbox backend and versions of what executed it last, by name."""
    context: dict[str, Any]
    reopened: int
    graph: PlanAnswer | None
    states: dict[str, str]
    """Of every node of the plan."""
    nodes: list[NodeAnswer]
    """How nodes and items ended, and those of the plan that have not."""
    agent_runs: list[AgentRunAnswer]
    approvals: list[ApprovalAnswer]
    timeline: list[TimelineAnswer]
    artifacts: list[ArtifactAnswer]
    audit: list[AuditAnswer]
    parent_run_id: str | None
    """The run of which a node called this one."""
    parent_node: str | None
    called: list[CalledRun]
    """Runs of other workflows that its nodes called."""
    prefect_url: str | None
    """Its page in Prefect's UI; null where that is not known."""

    @classmethod
    def of_report(
        cls, report: RunReport, approvals: list[ApprovalAnswer], *, prefect_url: str | None = None
    ) -> RunDetailResponse:
        """The report as JSON. `approvals`: superseded ones, too."""
        run = report.detail.run
        ended = [NodeAnswer.of(result) for result in report.detail.nodes.values()]
        known = {each.node_id for each in ended if each.item is None}
        rest = [
            NodeAnswer(node_id=node, item=None, status=state, output=None, reason=None, attempt=0)
            for node, state in report.states.items()
            if node not in known
        ]
        graph = None
        if report.plan is not None and report.graph is not None:
            graph = PlanAnswer.of(report.plan, report.graph)
        cause = report.root_cause
        return cls(
            **RunAnswer.of(run).model_dump(by_alias=False),
            root_cause=None if cause is None else RootCauseAnswer.model_validate(cause),
            outputs=run.outputs,
            executed_by=run.executed_by,
            context=run.context,
            reopened=run.reopened,
            graph=graph,
            states=dict(report.states),
            nodes=ended + rest,
            agent_runs=[AgentRunAnswer.of(each) for each in report.detail.agent_runs],
            approvals=approvals,
            timeline=[TimelineAnswer.model_validate(each) for each in report.timeline],
            artifacts=[ArtifactAnswer.of(each) for each in report.artifacts],
            audit=[AuditAnswer.of(each) for each in report.detail.audit],
            parent_run_id=run.parent_run_id,
            parent_node=run.parent_node,
            prefect_url=prefect_url,
            called=[
                CalledRun(
                    node=each.parent_node, run_id=each.id, workflow_name=each.workflow_name, status=each.status
                )
                for each in report.detail.called
            ],
        )
