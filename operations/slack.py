"""A button that somebody pressed in Slack -> a decision as the person whom they map to; an approval -> its message.

A request counts only with Slack's signature over its time and body, within five minutes, and once. It names the digest
that the message showed: where something else would run by then, nothing is decided.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast
from urllib.parse import parse_qs

from operations.decide import DecisionRequest, decide_gate
from records import Approval, Decision, Records
from records.people.person import Identity, NotSignedIn
from reliability.public_address import approval_link
from tasks.card_text import card_text

CHANNEL = "slack"
WINDOW_SECONDS = 300
_ACTIONS: Mapping[str, Literal["APPROVED", "REJECTED"]] = {
    "commandcenter.approve": "APPROVED",
    "commandcenter.reject": "REJECTED",
}
_BLOCK = 2_800
"""Slack takes 3,000 characters in one block."""
_BLOCKS = 4
"""Of one card: Slack refuses messages that are too long as a whole."""


class SlackRefused(ValueError):
    """The request is not Slack's, too old, or was there before. `reason` is for the log; who asks learns no more."""


class NotAPress(ValueError):
    """Slack's own, but no press of a button of ours."""


class NotAllShown(ValueError):
    """The message showed a part of the card only: nobody approves what they have not seen."""

    def __init__(self) -> None:
        super().__init__(
            "the message shows a part of it only: look at all of it in the console, and approve it there"
        )


@dataclass
class SlackSignatures:
    """Checks signatures with the app's signing secret, and remembers those of the window."""

    secret: str
    _seen: dict[str, float] = field(default_factory=dict[str, float])

    def check(self, body: bytes, *, timestamp: str, signature: str, now: float | None = None) -> None:
        """Raises SlackRefused."""
        at = time.time() if now is None else now
        if not (timestamp.isascii() and timestamp.isdigit()) or abs(at - int(timestamp[:12])) > WINDOW_SECONDS:
            raise SlackRefused("its time is not of the last five minutes")
        base = b"v0:" + timestamp.encode() + b":" + body
        wanted = "v0=" + hmac.new(self.secret.encode(), base, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(wanted.encode(), signature.encode("utf-8", "replace")):
            raise SlackRefused("its signature is not that of the signing secret")
        self._seen = {each: until for each, until in self._seen.items() if until > at}
        if wanted in self._seen:
            raise SlackRefused("it was sent before")
        self._seen[wanted] = at + 2 * WINDOW_SECONDS


@dataclass(frozen=True, kw_only=True)
class SlackPress:
    """Somebody pressed a button of an approval's message."""

    team_id: str
    user_id: str
    decision: Literal["APPROVED", "REJECTED"]
    approval_id: str
    digest: str
    response_url: str | None
    """Where an answer for that person goes."""


def read_press(body: bytes) -> SlackPress:
    """The press in the body of a request, whose signature was checked. Raises NotAPress."""
    try:
        payload = _object(json.loads(parse_qs(body.decode("utf-8"))["payload"][0]))
        action = _object(cast("list[Any]", payload["actions"])[0])
        value = _object(json.loads(action["value"]))
        press = SlackPress(
            team_id=str(_object(payload["team"])["id"]),
            user_id=str(_object(payload["user"])["id"]),
            decision=_ACTIONS[str(action["action_id"])],
            approval_id=str(value["approval"]),
            digest=str(value["digest"]),
            response_url=str(payload["response_url"]) if payload.get("response_url") else None,
        )
    except (KeyError, IndexError, TypeError, ValueError, RecursionError) as exc:
        raise NotAPress(f"it is no press of a button of ours: {type(exc).__name__}") from exc
    if "\0" in press.approval_id + press.digest + press.team_id + press.user_id or not press.digest:
        raise NotAPress("it is no press of a button of ours: its value")
    return press


async def identify_press(press: SlackPress, *, records: Records) -> Identity | NotSignedIn:
    """Who pressed it, here."""
    return await records.identify_slack_user(press.team_id, press.user_id)


async def decide_by_press(press: SlackPress, *, by: Identity, project_id: int, records: Records) -> Decision:
    """Decide as that person, for what the message showed. Raises NotFound; NotAllShown for a card that did not fit."""
    approval = await records.question(press.approval_id, project_id=project_id)
    if press.decision == "APPROVED" and not _fits(card_text(approval.card)):
        raise NotAllShown
    word = DecisionRequest(
        decision=press.decision, by=by.name, verified=True, channel=CHANNEL, digest=press.digest
    )
    return await decide_gate(word, press.approval_id, records=records, project_id=project_id)


async def project_of_press(press: SlackPress, *, records: Records) -> int:
    """The project whose approval it is. Raises NotFound."""
    return (await records.question(press.approval_id)).project_id


def approval_message(approval: Approval) -> dict[str, Any]:
    """The approval as a message of Slack's Block Kit: the card, a link, and two buttons that carry the digest.

    A card that does not fit can be rejected there, and approved only where all of it is shown.
    """
    text = card_text(approval.card)
    shown = [text[at : at + _BLOCK] for at in range(0, len(text), _BLOCK)][:_BLOCKS]
    if not _fits(text):
        shown.append("… This is only the beginning: look at all of it in the console, and approve it there.")
    value = json.dumps({"approval": approval.id, "digest": approval.digest})
    link = approval_link(approval.id)
    approve = [_button("Approve", "commandcenter.approve", value, "primary")] if _fits(text) else []
    buttons = [*approve, _button("Reject", "commandcenter.reject", value, "danger")]
    if link is not None:
        open_it: dict[str, Any] = {"type": "plain_text", "text": "Look at all of it"}
        buttons.append({"type": "button", "text": open_it, "action_id": "commandcenter.open", "url": link})
    head = f"{approval.workflow_name}: {approval.node_id} waits for a decision"
    return {
        "text": head,
        "blocks": [
            # Plain text: what comes from outside can mention nobody and link nowhere.
            {"type": "section", "text": {"type": "plain_text", "text": head[:150], "emoji": False}},
            *({"type": "section", "text": {"type": "plain_text", "text": each, "emoji": False}} for each in shown),
            {"type": "actions", "elements": buttons},
        ],
    }


def _fits(card: str) -> bool:
    return len(card) <= _BLOCK * _BLOCKS


def _button(text: str, action: str, value: str, style: str) -> dict[str, Any]:
    return {
        "type": "button",
        "text": {"type": "plain_text", "text": text},
        "action_id": action,
        "value": value,
        "style": style,
        "confirm": {
            "title": {"type": "plain_text", "text": f"{text}?"},
            "text": {"type": "plain_text", "text": "It counts as your decision, for what this message shows."},
            "confirm": {"type": "plain_text", "text": text},
            "deny": {"type": "plain_text", "text": "Back"},
        },
    }


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError
    return cast("dict[str, Any]", value)
