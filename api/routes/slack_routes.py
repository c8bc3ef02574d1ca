"""Buttons of Slack: a signed request decides as the person whom its user maps to, and as nobody else."""

from __future__ import annotations

import logging
import os
from typing import Annotated

import httpx
from fastapi import APIRouter, BackgroundTasks, FastAPI, Header, Request

from api.context import ApiServices, Platform
from api.problems import refusal
from api.rights import Right, may
from api.routes.approval_routes import wake
from api.schemas import Problem, ResponseModel
from operations.slack import (
    NotAllShown,
    NotAPress,
    SlackPress,
    SlackRefused,
    SlackSignatures,
    decide_by_press,
    identify_press,
    project_of_press,
    read_press,
)
from records import Decision, NotFound
from records.people.person import NotSignedIn

log = logging.getLogger(__name__)
router = APIRouter(prefix="/slack", tags=["approvals"])

SECRET = "COMMANDCENTER_SLACK_SIGNING_SECRET"
_ANSWERS = "https://hooks.slack.com/"
_ANSWER_SECONDS = 5.0
_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {"type": "object", "properties": {"payload": {"type": "string"}}}
            }
        },
    }
}


class SlackAnswer(ResponseModel):
    """What the person is told; nobody else sees it."""

    response_type: str = "ephemeral"
    replace_original: bool = False
    text: str


def include(app: FastAPI) -> None:
    """Add the route; without the signing secret it answers 404."""
    secret = os.environ.get(SECRET, "").strip()
    app.state.slack = SlackSignatures(secret) if secret else None
    app.include_router(router)


@router.post(
    "/actions",
    summary="Take a press of a button in Slack",
    operation_id="take_slack_action",
    openapi_extra=_FORM,
    responses={
        401: {"model": Problem, "description": "It is not signed by Slack, too old, or was sent before."},
        404: {"model": Problem, "description": "No signing secret is set here."},
        413: {"model": Problem, "description": "The body is too large."},
        422: {"model": Problem, "description": "It is no press of a button of ours."},
        503: {"model": Problem, "description": "The database does not answer."},
    },
)
async def take_action(
    request: Request,
    platform: Platform,
    background: BackgroundTasks,
    x_slack_request_timestamp: Annotated[str, Header(max_length=20)] = "",
    x_slack_signature: Annotated[str, Header(max_length=200)] = "",
) -> SlackAnswer:
    """Decides for what the message showed. 200 also where it does not count: the person is told why."""
    signatures: SlackSignatures | None = request.app.state.slack
    if signatures is None:
        raise refusal(404, f"no buttons of Slack here: set {SECRET}")
    body = await request.body()
    try:
        signatures.check(body, timestamp=x_slack_request_timestamp, signature=x_slack_signature)
    except SlackRefused as exc:
        log.warning("A request as from Slack was refused: %s", exc)
        raise refusal(401, "the request is not signed by Slack, is too old, or was sent before") from exc
    try:
        press = read_press(body)
    except NotAPress as exc:
        raise refusal(422, str(exc)) from exc
    answer = SlackAnswer(text=await _decided(press, platform))
    if press.response_url is not None and press.response_url.startswith(_ANSWERS):
        background.add_task(_tell, press.response_url, answer)
    return answer


async def _decided(press: SlackPress, platform: ApiServices) -> str:
    person = await identify_press(press, records=platform.records)
    if isinstance(person, NotSignedIn):
        return (
            f"You are nobody here ({person.reason}): an admin maps you with "
            f"`commandcenter people slack NAME --team {press.team_id} --user {press.user_id}`."
        )
    try:
        project = await project_of_press(press, records=platform.records)
        if not may(person.roles.get(project, ()), Right.APPROVE):
            # As for an approval that there is not: another project's is none of their business.
            return "You may not decide this, or there is no such approval."
        decision = await decide_by_press(press, by=person, project_id=project, records=platform.records)
    except NotFound:
        return "You may not decide this, or there is no such approval."
    except NotAllShown as exc:
        return f"Nothing was decided: {exc}."
    if decision.applied:
        await wake(platform, decision.approval)
    return _in_words(decision)


def _in_words(decision: Decision) -> str:
    if not decision.counted:
        return f"Nothing was decided: {decision.reason}."
    if not decision.applied:
        return f"Your vote counts: {len(decision.votes)} of {decision.quorum}."
    return f"{decision.approval.status.capitalize()} as {decision.approval.responded_by}."


async def _tell(address: str, answer: SlackAnswer) -> None:
    try:
        async with httpx.AsyncClient(timeout=_ANSWER_SECONDS) as client:
            await client.post(address, json={**answer.model_dump(by_alias=False)})
    except httpx.HTTPError as exc:
        log.warning("Slack did not take the answer to a press: %s", type(exc).__name__)
