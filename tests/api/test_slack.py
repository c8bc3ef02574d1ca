"""Buttons of Slack over real HTTP: only with Slack's signature, once, as the mapped person, for what was shown."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from sqlalchemy import text

from compiler import ApprovalRule
from operations.people import add_person
from operations.slack import WINDOW_SECONDS, approval_message

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
Press = Callable[..., Awaitable[httpx.Response]]


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the app is made, which reads it."""
    monkeypatch.setenv("COMMANDCENTER_SLACK_SIGNING_SECRET", SECRET)
    monkeypatch.setenv("COMMANDCENTER_API_URL", "https://cc.example.org/")


@pytest.fixture
async def mapped(records: Any) -> None:
    """Two approvers, a viewer, and an approver of another project."""
    for user, name, project, role in (
        ("U1", "Dee", 1, "approver"),
        ("U2", "Fay", 1, "approver"),
        ("U3", "Vic", 1, "viewer"),
        ("U4", "Oda", 2, "approver"),
    ):
        await add_person(name, records=records, project_id=project, roles=[role], by="root")
        await records.map_slack_user("T1", user, name, by="root")


def signed(body: bytes, *, at: float | None = None, secret: str = SECRET) -> dict[str, str]:
    stamp = str(int(time.time() if at is None else at))
    mac = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256)
    return {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": f"v0={mac.hexdigest()}",
    }


def body_of(message: dict[str, Any], *, user: str, button: int = 0, **value: Any) -> bytes:
    """What Slack sends when that button of the message is pressed."""
    element = message["blocks"][-1]["elements"][button]
    carried = json.loads(element["value"]) | value
    payload = {
        "type": "block_actions",
        "team": {"id": "T1"},
        "user": {"id": user, "name": "whatever they like"},
        "actions": [{"action_id": element["action_id"], "value": json.dumps(carried)}],
        "response_url": "http://127.0.0.1:9/not-slack",
    }
    return urlencode({"payload": json.dumps(payload)}).encode()


@pytest.fixture
def send(as_person: Any) -> Press:
    """Without a token: the signature is all."""

    async def send(body: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
        return await as_person(None).post("/slack/actions", content=body, headers=headers or signed(body))

    return send


async def test_a_press_decides_as_the_person_for_what_was_shown_and_wakes_the_run(
    ask: Any, ann: Any, send: Press, mapped: None, records: Any, resumed: list[str]
) -> None:
    approval = await ask()
    message = (await ann.get(f"/approvals/{approval.id}/slack-message")).json()
    assert message == approval_message(approval)
    link = message["blocks"][-1]["elements"][2]["url"]
    assert link == f"https://cc.example.org/console/approvals/{approval.id}"
    [event] = [each for each in await records.pending_events() if each.subject == "workflow.approval.requested"]
    assert event.payload["link"] == link
    answer = await send(body_of(message, user="U1"))
    assert (answer.status_code, answer.json()["text"]) == (200, "Approved as Dee.")
    decided = await records.question(approval.id)
    assert (decided.status, decided.responded_by, decided.verified, decided.channel) == (
        "APPROVED",
        "Dee",
        True,
        "slack",
    )
    assert resumed == ["flow-1"]
    later = await send(body_of(message, user="U2", button=1))
    assert "Nothing was decided" in later.json()["text"]
    assert "Dee" in later.json()["text"]


async def test_what_slack_did_not_sign_just_now_is_refused(
    ask: Any, send: Press, mapped: None, records: Any
) -> None:
    approval = await ask()
    body = body_of(approval_message(approval), user="U1")
    old = time.time() - WINDOW_SECONDS - 5
    other = body_of(approval_message(approval), user="U2")
    for headers in (
        {},
        signed(body, secret="another"),
        signed(body, at=old),
        signed(other),
        {**signed(body), "X-Slack-Request-Timestamp": "1e9"},
        {**signed(body), "X-Slack-Signature": ""},
    ):
        refused = await send(body, {"Content-Type": "application/x-www-form-urlencoded", **headers})
        assert refused.status_code == 401, headers
    assert (await records.question(approval.id)).status == "PENDING"


async def test_a_request_counts_once(ask: Any, send: Press, mapped: None) -> None:
    body = body_of(approval_message(await ask(quorum=2)), user="U1")
    headers = signed(body)
    assert (await send(body, headers)).json()["text"] == "Your vote counts: 1 of 2."
    assert (await send(body, headers)).status_code == 401


async def test_who_may_not_decide_decides_nothing(ask: Any, send: Press, mapped: None, records: Any) -> None:
    approval = await ask()
    message = approval_message(approval)
    stranger = (await send(body_of(message, user="U9"))).json()["text"]
    assert "You are nobody here" in stranger
    viewer = (await send(body_of(message, user="U3"))).json()["text"]
    elsewhere = (await send(body_of(message, user="U4"))).json()["text"]
    unknown = (await send(body_of(message, user="U1", approval="none"))).json()["text"]
    assert viewer == elsewhere == unknown == "You may not decide this, or there is no such approval."
    changed = (await send(body_of(message, user="U1", digest="sha256:" + "0" * 64))).json()["text"]
    assert "Nothing was decided" in changed
    assert (await records.question(approval.id)).status == "PENDING"


async def test_a_mapping_that_the_platform_did_not_write_is_nobody(
    ask: Any, send: Press, mapped: None, records: Any
) -> None:
    approval = await ask()
    async with records._db.write() as connection:
        dee = text("""UPDATE "SlackIdentity" SET "userId" = 'U8' WHERE "userId" = 'U1'""")
        await connection.execute(dee)
    said = (await send(body_of(approval_message(approval), user="U8"))).json()["text"]
    assert "forged" in said
    assert (await records.question(approval.id)).status == "PENDING"
    assert await records.unmap_slack_user("T1", "U2")
    assert "unknown" in (await send(body_of(approval_message(approval), user="U2"))).json()["text"]


async def test_what_is_no_press_of_ours_is_refused(send: Press, mapped: None) -> None:
    for body in (
        b"",
        b"payload=",
        b"payload=[]",
        b"payload=" + b"[" * 50_000,
        b"\xff",
        urlencode({"payload": "{}"}).encode(),
    ):
        assert (await send(body)).status_code == 422


async def test_a_card_that_does_not_fit_is_approved_only_where_all_of_it_is_shown(
    ask: Any, send: Press, mapped: None, records: Any
) -> None:
    whole = await ask()
    small = {**whole.card, "inputs": {"text": "x" * 3_500}}
    message = approval_message(replace(whole, card=small))
    shown = "".join(block["text"]["text"] for block in message["blocks"][1:-1])
    assert "x" * 3_500 in shown
    assert all(len(block["text"]["text"]) <= 3_000 for block in message["blocks"][:-1])

    large = {**whole.card, "upstream": {f"n{at}": {"found": "x" * 4_000} for at in range(9)}}
    approval = await records.open_gate(
        run_id=whole.run_id, node_id="speak", digest="sha256:9", card=large, rule=ApprovalRule()
    )
    message = approval_message(approval)
    buttons = [each["action_id"] for each in message["blocks"][-1]["elements"]]
    assert buttons == ["commandcenter.reject", "commandcenter.open"]
    assert "only the beginning" in message["blocks"][-2]["text"]["text"]
    # Also of a message that somebody has kept from before.
    forged = body_of(approval_message(whole), user="U1", approval=approval.id, digest=approval.digest)
    assert "the message shows a part of it only" in (await send(forged)).json()["text"]
    assert (await records.question(approval.id)).status == "PENDING"
    assert (await send(body_of(message, user="U1"))).json()["text"] == "Rejected as Dee."


async def test_hostile_text_is_plain_in_the_message(ask: Any) -> None:
    approval = await ask()
    message = approval_message(approval)
    kinds = {block["text"]["type"] for block in message["blocks"] if "text" in block}
    assert kinds == {"plain_text"}
