"""Approvals of the caller's project: list, show, decide. The first decision stands; later ones are told whose."""

from __future__ import annotations

import logging
from typing import Annotated, Any, Literal, cast

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator
from pydantic_core import PydanticCustomError

from api.context import ApiServices, Platform
from api.schemas import ApprovalAnswer, ApprovalDetail, AuditAnswer, DecisionAnswer, Problem, TaintedInputAnswer
from api.sign_in import Caller, Person
from api.stored_text import Stored
from operations.decide import DecisionRequest, decide_gate
from operations.edit_inputs import EditRefused
from operations.show_approval import show_approval as show_report
from operations.slack import approval_message
from records import Approval, ApprovalStatus, Decision, Records
from triggers import TransientTriggerError

log = logging.getLogger(__name__)
router = APIRouter(prefix="/approvals", tags=["approvals"])

CHANNEL = "api"


class DecisionBody(BaseModel):
    """A person's answer."""

    model_config = ConfigDict(extra="forbid")

    decision: Literal["approve", "reject"]
    notes: str | None = Field(default=None, max_length=4000)
    digest: str = Field(
        min_length=1,
        max_length=100,
        description="Of what you saw, as the approval shows it; if something else would run now, it is refused.",
    )
    edits: dict[str, JsonValue] | None = Field(
        default=None,
        max_length=100,
        description="Inputs to change before it is approved: only fields that the action's schema marks as editable.",
    )

    @model_validator(mode="before")
    @classmethod
    def _says_what_was_seen(cls, body: Any) -> Any:
        if isinstance(body, dict) and cast("dict[str, Any]", body).get("digest") is None:
            raise PydanticCustomError(
                "digest_needed",
                "a decision names what was seen: read the approval (GET /approvals/<id>) and send its `digest`",
            )
        return cast("Any", body)


@router.get("", summary="List the approvals")
async def list_approvals(
    caller: Caller,
    platform: Platform,
    status: ApprovalStatus | None = None,
    run_id: Annotated[Stored | None, Query(alias="runId", max_length=100)] = None,
    workflow: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    order: Annotated[
        Literal["oldest", "newest"], Query(description="Which come first; `limit` cuts off the others.")
    ] = "oldest",
) -> list[ApprovalAnswer]:
    """Questions that stand, by the time they were asked."""
    found = await platform.records.approvals(
        caller.projectId, status, run_id=run_id, limit=limit, newest=order == "newest"
    )
    return [ApprovalAnswer.of(approval) for approval in found if workflow in (None, approval.workflow_name)]


@router.get("/{approval_id}", summary="Show an approval")
async def show_approval(approval_id: str, caller: Caller, platform: Platform) -> ApprovalDetail:
    """The card with votes, what comes from outside, and its audit. That you looked at it is recorded."""
    found = await show_report(
        approval_id,
        records=platform.records,
        project_id=caller.projectId,
        by=caller.name,
        verified=True,
        channel=CHANNEL,
    )
    approval = found.approval
    return ApprovalDetail(
        **ApprovalAnswer.of(approval).model_dump(by_alias=False, exclude={"card_text", "proposal"}),
        audit=[AuditAnswer.of(entry) for entry in found.audit],
        votes=list(found.votes),
        quorum=found.quorum,
        approvers=list(approval.rule.approvers),
        on_expiry=approval.rule.on_expiry,
        allow_self_approval=approval.rule.allow_self_approval,
        tainted=[TaintedInputAnswer.model_validate(each) for each in found.tainted],
        recommendation=found.recommendation,
        edits=approval.edits,
        editable={name: dict(schema) for name, schema in found.editable.items()},
        objections=dict(found.objections),
        superseded=approval.superseded_at is not None,
        earlier=[ApprovalAnswer.of(each) for each in found.earlier],
        successor=None if found.successor is None else ApprovalAnswer.of(found.successor),
    )


@router.get("/{approval_id}/slack-message", summary="Show an approval as a message of Slack")
async def show_slack_message(approval_id: str, caller: Caller, platform: Platform) -> dict[str, Any]:
    """`text` and `blocks` for `chat.postMessage`: the card, a link, and buttons that decide as whoever presses them."""
    return approval_message(await platform.records.question(approval_id, project_id=caller.projectId))


@router.post(
    "/{approval_id}/decision",
    operation_id="decide_approval",
    summary="Decide an approval",
    responses={
        403: {"model": Problem, "description": "This person may not decide it."},
        409: {"model": Problem, "description": "It is decided already, or something else would run now."},
    },
)
async def decide(approval_id: str, body: DecisionBody, caller: Caller, platform: Platform) -> DecisionAnswer:
    """Approves or rejects, and wakes the run. 409: it is decided already, or something else would run now."""
    decision = await _decide(platform.records, approval_id, body, caller)
    if not decision.counted:
        raise _refusal(decision, body)
    run = await wake(platform, decision.approval) if decision.applied else "not waiting"
    return DecisionAnswer.of(decision, run=run)


async def _decide(records: Records, approval_id: str, body: DecisionBody, caller: Person) -> Decision:
    word = DecisionRequest(
        decision="APPROVED" if body.decision == "approve" else "REJECTED",
        by=caller.name,
        verified=True,
        channel=CHANNEL,
        notes=body.notes,
        digest=body.digest,
        edits=body.edits or {},
    )
    try:
        return await decide_gate(word, approval_id, records=records, project_id=caller.projectId)
    except EditRefused as exc:
        raise HTTPException(422, str(exc)) from exc


def _refusal(decision: Decision, body: DecisionBody) -> HTTPException:
    approval = decision.approval
    settled = approval.status != "PENDING" or approval.superseded_at is not None
    if settled or body.digest != approval.digest:
        stands = ApprovalAnswer.of(approval).model_dump(mode="json")
        return HTTPException(409, {"message": decision.reason, "approval": stands})
    return HTTPException(403, decision.reason)


async def wake(platform: ApiServices, approval: Approval) -> str:
    """The decision stands whatever happens here: a run that is not woken now is found by the reconciler."""
    run = await platform.records.run(approval.run_id)
    if platform.resume is None or run.flow_run_id is None:
        return "later"
    try:
        return await platform.resume(run.flow_run_id)
    except TransientTriggerError as exc:
        log.warning("Run %s is decided and goes on later: %s", run.id, exc)
        return "later"
