"""Payloads of the events that go out, as types: what writes them is checked, and their schemas are made from these."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

# The docstrings of these classes and the descriptions of fields are what the AsyncAPI document says.
EndStatus = Literal["SUCCESS", "FAILED"]
RunStatus = Literal["PENDING", "RUNNING", "SUCCESS", "FAILED", "WAITING_APPROVAL"]
_WIRE = ConfigDict(extra="forbid", use_attribute_docstrings=True)

_RunId = Annotated[str, Field(description="The run on record.")]
_ProjectId = Annotated[int, Field(ge=1)]
_NodeKey = Annotated[str | None, Field(description="The node's id in the YAML.")]
_When = Annotated[str, Field(json_schema_extra={"format": "date-time"})]


@with_config(_WIRE)
class RunStarted(TypedDict):
    """A run has begun."""

    workflowRunId: _RunId
    workflowId: str
    workflowName: str
    projectId: _ProjectId
    trigger: Annotated[str, Field(description="Subject of the event, `manual`, or the schedule.")]
    flowRunId: Annotated[str | None, Field(description="Prefect's id.")]


@with_config(_WIRE)
class NodeEnded(TypedDict):
    """How the last agent run of a node, or of one of its items, ended."""

    agentName: str
    output: Annotated[Any, Field(description="As the agent gave it; null where it was too large for the event.")]
    nodeKey: Annotated[str, Field(description="The node's id in the YAML.")]
    item: Annotated[int | None, Field(description="Of a `foreach` node: which one, from 0.")]
    status: RunStatus
    outputBytes: NotRequired[Annotated[int, Field(description="Size of an output that was left out.")]]


@with_config(_WIRE)
class RunCompleted(TypedDict):
    """A run has ended. Sent once, and once more each time the run was reopened and ended again."""

    workflowRunId: _RunId
    status: EndStatus
    results: Annotated[list[NodeEnded], Field(description="In the order of the plan; 1,000 at most.")]
    outputs: Annotated[
        dict[str, Any] | None, Field(description="What the workflow's `outputs` gave; null without any.")
    ]
    projectId: _ProjectId
    workflowId: str
    workflowName: str
    message: Annotated[str, Field(description="Why it failed, in words.")]
    skipped: Annotated[list[str], Field(description="Nodes that did not run.")]
    resultsLeftOut: NotRequired[Annotated[int, Field(description="How many results did not fit.")]]
    outputsLeftOut: NotRequired[Annotated[dict[str, int], Field(description="Outputs that did not fit: bytes.")]]
    outputsBytes: NotRequired[Annotated[int, Field(description="Size of all outputs, where none did fit.")]]


@with_config(_WIRE)
class AgentExecuted(TypedDict):
    """An attempt of an agent has ended. Its output is on record, not in the event."""

    agentRunId: str
    agentName: str
    projectId: _ProjectId
    workflowRunId: Annotated[str | None, Field(description="None for an agent that was run by itself.")]
    nodeKey: _NodeKey
    item: int | None
    attempt: int
    status: EndStatus
    error: str | None
    durationMs: int | None


@with_config(_WIRE)
class ApprovalEvent(TypedDict):
    """A gate asks: requested, reminded of, or escalated since nobody has decided in time."""

    workflowRunId: _RunId
    nodeId: Annotated[str, Field(description="The node's row, as the mission's schema has it.")]
    nodeKey: _NodeKey
    approvalId: str
    projectId: _ProjectId
    workflowName: str
    digest: Annotated[str | None, Field(description="Of what will run; a decision names it.")]
    deadline: _When | None
    link: NotRequired[
        Annotated[
            str,
            Field(description="The question in the console, where COMMANDCENTER_API_URL says its address."),
        ]
    ]


@with_config(_WIRE)
class ApprovalDecided(ApprovalEvent):
    """A gate was decided: by a person, by the rule when the deadline passed, or since its run ended."""

    status: Literal["APPROVED", "REJECTED"]
    by: str | None
    closedAs: Annotated[
        str | None, Field(description="Why no person decided: expired, superseded, run-ended, policy.")
    ]
