"""Somebody signs in and decides: by mouse, by keyboard, on a phone, too late."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from playwright.async_api import TimeoutError as NotInTime
from playwright.async_api import expect

from compiler import ApprovalRule
from operations.decide import DecisionRequest, decide_gate
from operations.second_person import Acting, SecondPersonNeeded, require_second_person
from records import Approval
from tasks.card import Invocation
from tasks.work import NodeWork

PATCH = """\
diff --git a/auth.py b/auth.py
--- a/auth.py
+++ b/auth.py
@@ -1,3 +1,4 @@
 import os
 def store(password):
-    return hash(password)
+    # <img src=x onerror=alert(1)>
+    return bcrypt(password)
"""


async def test_a_link_signs_in_once_and_its_token_leaves_the_address(platform, open_console, chromium) -> None:
    link = await platform.link("Ann")
    page = await (await chromium.new_context()).new_page()
    await page.goto(link)
    await expect(page.get_by_role("heading", name="Nothing waits for you")).to_be_visible()
    assert "token" not in page.url
    assert (
        await page.evaluate("document.cookie + JSON.stringify(sessionStorage) + JSON.stringify(localStorage)")
        == "{}{}"
    )
    again = await (await chromium.new_context()).new_page()
    await again.goto(link)
    await expect(again.get_by_role("alert")).to_contain_text("not known here")


async def test_an_approval_is_read_and_approved_with_notes(platform, open_console, accessible, picture) -> None:
    approval = await platform.ask()
    page = await open_console()
    await expect(page.get_by_role("link", name="Create pull request")).to_be_visible()
    await accessible(page)
    await picture(page, "inbox")
    await page.get_by_role("link", name="Create pull request").click()
    await expect(page.get_by_role("heading", name="Create pull request with security fixes")).to_be_visible()
    words = page.get_by_role("region", name="In words")
    await expect(words).to_contain_text("agent patcher (version 1.0.0) runs its action generateFixPR")
    await expect(words).to_contain_text("pushed as the branch security-fixes-1")
    await expect(page.get_by_role("region", name="Output of assess")).to_contain_text("<b>Use bcrypt</b>")
    await accessible(page)
    await page.get_by_label("Notes").fill("looks right")
    await page.get_by_role("button", name="Approve").click()
    await page.get_by_role("button", name="Yes, approve and continue").click()
    await expect(page.get_by_role("status").filter(has_text="Approved by Ann")).to_be_visible()
    decided = await platform.records.approvals(1, run_id=approval.run_id)
    assert [(each.status, each.responded_by, each.notes) for each in decided] == [
        ("APPROVED", "Ann", "looks right")
    ]
    assert platform.resumed == ["flow-1"]


async def test_the_exact_change_is_shown_line_by_line_and_never_as_markup(
    platform, open_console, accessible, picture
) -> None:
    request = {
        "repository": "/repo",
        "baseCommit": "4f2a9c",
        "branch": "security-fixes-1",
        "commitMessage": "Hash passwords",
        "patch": PATCH,
    }
    proposal = {
        "effect": "publish-branch",
        "request": request,
        "facts": {"verified": "tests"},
        "digest": "sha256:7",
    }
    approval = await platform.ask(proposals=[proposal])
    page = await open_console(f"approvals/{approval.id}")
    await expect(page.get_by_role("heading", level=1)).to_contain_text(
        "Push branch security-fixes-1 with 1 file, +2 \N{MINUS SIGN}1"
    )
    diff = page.get_by_role("region", name="Exact changes")
    await expect(diff.locator(".del")).to_have_text(["3\N{MINUS SIGN}    return hash(password)"])
    await expect(diff.locator(".add")).to_have_text(
        ["3+    # <img src=x onerror=alert(1)>", "4+    return bcrypt(password)"]
    )
    # The colours of its language change no letter of it.
    await expect(diff.locator(".add .code-comment")).to_have_text("# <img src=x onerror=alert(1)>")
    await expect(diff.locator(".del .code-word").first).to_have_text("return")
    assert await page.locator("img[src=x]").count() == 0
    await accessible(page)
    await picture(page, "approval")


async def test_by_keyboard_alone(platform, open_console) -> None:
    await platform.ask(run="flow-1")
    second = await platform.ask(run="flow-2")
    page = await open_console()
    await expect(page.get_by_role("list", name="Approvals that wait").get_by_role("link")).to_have_count(2)
    await page.keyboard.press("j")
    await page.keyboard.press("r")
    await expect(page.get_by_role("button", name="Yes, reject")).to_be_focused()
    assert second.id in page.url
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status").filter(has_text="Rejected by Ann")).to_be_visible()
    statuses = {each.id: each.status for each in await platform.records.approvals(1)}
    assert sorted(statuses.values()) == ["PENDING", "REJECTED"]
    assert statuses[second.id] == "REJECTED"


async def test_who_comes_too_late_is_told_who_was_quicker(platform, open_console) -> None:
    approval = await platform.ask()
    page = await open_console(f"approvals/{approval.id}")
    await expect(page.get_by_role("button", name="Approve")).to_be_visible()
    word = DecisionRequest(decision="REJECTED", by="Bob", verified=True, channel="cli")
    await decide_gate(word, approval.id, records=platform.records, project_id=1)
    alert = page.get_by_role("alert").filter(has_text="Somebody else was quicker: Bob")
    # The page may hear of it before a click, or between the two: then there is nothing left to press.
    for name in (re.compile("^Approve"), re.compile("^Yes, approve")):
        button = page.get_by_role("button", name=name)
        await expect(button.or_(alert).first).to_be_visible()
        if not await alert.is_visible():
            with suppress(NotInTime):
                await button.click(timeout=5_000)
    await expect(alert).to_be_visible()
    await alert.get_by_role("button", name="Show the decision").click()
    await expect(page.get_by_role("status").filter(has_text="Rejected by Bob")).to_be_visible()


async def test_what_was_seen_is_what_is_sent_and_a_change_is_shown(platform, open_console) -> None:
    approval = await platform.ask()
    page = await open_console()
    sent: list[str] = []

    async def other_inputs(route) -> None:
        answer = await route.fetch()
        body = await answer.json()
        if sent:
            body["digest"] = "sha256:2"
            body["card"]["inputs"]["targetBranch"] = "elsewhere"
        await route.fulfill(response=answer, json=body)

    async def refused(route) -> None:
        sent.append(route.request.post_data_json["digest"])
        await route.fulfill(status=409, json={"detail": {"message": "something else would run now"}})

    await page.route(f"**/approvals/{approval.id}", other_inputs)
    await page.route(f"**/approvals/{approval.id}/decision", refused)
    await page.get_by_role("link", name="Create pull request").click()
    await page.get_by_role("button", name="Approve").click()
    await page.get_by_role("button", name="Yes, approve").click()
    changed = page.get_by_role("alert").filter(has_text="This has changed since you opened it")
    await expect(changed).to_be_visible()
    await expect(changed.get_by_role("row", name="inputs.targetBranch")).to_contain_text('"elsewhere"')
    assert sent == ["sha256:1"]
    await expect(page.get_by_role("button", name="Approve")).to_have_count(0)


async def test_a_viewer_is_told_why_they_cannot_decide(platform, open_console) -> None:
    approval = await platform.ask()
    page = await open_console(f"approvals/{approval.id}", name="Vic", roles=("viewer",))
    await expect(page.get_by_text("Your role, viewer, does not decide.")).to_be_visible()
    await expect(page.get_by_role("button", name="Approve")).to_have_count(0)


async def test_a_decision_that_would_be_refused_is_not_offered(platform, open_console) -> None:
    approval = await platform.ask()
    page = await open_console(f"approvals/{approval.id}?do=approve", name="Cid")
    await expect(page.get_by_text("'Cid' started this run and cannot approve it")).to_be_visible()
    await expect(page.get_by_role("button", name="Reject")).to_be_visible()
    await page.keyboard.press("a")
    await expect(page.get_by_role("button", name=re.compile("approve", re.IGNORECASE))).to_have_count(0)
    await page.keyboard.press("r")
    await expect(page.get_by_role("button", name="Yes, reject")).to_be_visible()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_it_can_be_approved_on_a_phone(platform, open_console, accessible, picture, dark) -> None:
    approval = await platform.ask()
    page = await open_console(f"approvals/{approval.id}", width=390, dark=dark)
    await expect(page.get_by_role("button", name="Approve")).to_be_visible()
    wide = await page.evaluate(
        "document.querySelector('main').scrollWidth > document.querySelector('main').clientWidth"
    )
    assert not wide
    await accessible(page)
    await picture(page, f"approval-phone-{'dark' if dark else 'light'}")


async def test_a_sign_in_that_ends_keeps_the_notes(platform, open_console) -> None:
    approval = await platform.ask()
    page = await open_console(f"approvals/{approval.id}")
    await page.get_by_label("Notes").fill("half a sentence")
    await page.get_by_role("button", name="Approve").click()
    await expect(page.get_by_role("button", name="Yes, approve")).to_be_visible()
    await page.context.clear_cookies()
    # Any request may be the one that finds out, and cover the page before this button is pressed.
    await page.get_by_role("button", name="Yes, approve", include_hidden=True).dispatch_event("click")
    await expect(page.get_by_text("Your sign-in has expired")).to_be_visible()
    link = await platform.link("Ann")
    await page.get_by_label("Your token").fill(link.partition("token=")[2])
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_label("Notes")).to_have_value("half a sentence")


async def test_a_restart_of_the_server_is_noticed_and_got_over(platform, open_console) -> None:
    page = await open_console()
    await expect(page.get_by_role("heading", name="Nothing waits for you")).to_be_visible()
    await platform.stop()
    await expect(page.get_by_text("The server does not answer; trying again.")).to_be_visible()
    await platform.start()
    await platform.ask()
    await expect(page.get_by_role("link", name="Create pull request")).to_be_visible()
    await expect(page.get_by_text("The server does not answer; trying again.")).to_have_count(0)


async def test_inputs_are_changed_with_their_types_where_the_policy_allows_it(
    platform, open_console, accessible
) -> None:
    approval = await platform.ask()
    page = await open_console(f"approvals/{approval.id}")
    detail = await page.evaluate(f"fetch('/approvals/{approval.id}').then(r => r.json())")
    detail["editable"] = {
        "targetBranch": {"type": "string"},
        "limit": {"type": "integer"},
    }
    sent: list[dict] = []

    async def decide(route) -> None:
        sent.append(route.request.post_data_json)
        await route.fulfill(status=422, json={"detail": "input 'limit' does not fit"})

    await page.route(f"{platform.address}/approvals/{approval.id}", lambda route: route.fulfill(json=detail))
    await page.route(f"{platform.address}/approvals/{approval.id}/decision", decide)
    await page.reload()
    await page.get_by_text("Change inputs (2 may be)").click()
    await expect(page.get_by_label("targetBranch")).to_have_value("security-fixes-1")
    await page.get_by_label("targetBranch").fill("fixes-2")
    await page.get_by_label("limit (JSON)").fill("7")
    await expect(page.get_by_role("status").filter(has_text="new digest")).to_contain_text("targetBranch, limit")
    await accessible(page)
    await page.get_by_role("button", name="Approve").click()
    await page.get_by_role("button", name="Yes, approve and continue").click()
    await expect(page.get_by_role("alert")).to_contain_text("does not fit")
    assert (sent[0]["edits"], sent[0]["digest"]) == ({"targetBranch": "fixes-2", "limit": 7}, approval.digest)


async def _ask_for_real(platform, *, quorum: int) -> Approval:
    """A question whose digest is that of the work on its card, so that its inputs can be changed."""
    first = await platform.ask()
    run = await platform.records.run(first.run_id)
    node = (await platform.records.plan(run.plan_digest)).node("create-fix-pr")
    agent = (await platform.records.catalogue(1)).agents["patcher"]
    inputs = {"vulnerabilities": [], "repositoryPath": "/repo", "targetBranch": "fixes-1"}
    invocation = Invocation(node=node, agent=agent, inputs=inputs, network=(), secrets=(), bindings={})
    work = NodeWork(node=node, invocations=(invocation,), each=False)
    return await platform.records.open_gate(
        run_id=first.run_id,
        node_id=node.id,
        digest=work.digest,
        card=work.card(upstream={}, deadline=None),
        rule=ApprovalRule(quorum=quorum),
    )


async def test_who_changes_inputs_is_told_what_became_of_that_and_others_what_is_asked_now(
    platform, open_console, accessible
) -> None:
    approval = await _ask_for_real(platform, quorum=2)
    page = await open_console(f"approvals/{approval.id}")
    other = await open_console(f"approvals/{approval.id}", name="Bob")
    await expect(other.get_by_text("It takes 2 votes; nobody has voted yet. 2 votes are missing")).to_be_visible()
    await other.get_by_label("Notes").fill("half a sentence")
    await page.get_by_text("Change inputs (1 may be)").click()
    await page.get_by_label("targetBranch").fill("fixes-2")
    await page.get_by_role("button", name="Approve").click()
    await page.get_by_role("button", name="Yes, vote for it").click()
    await expect(page.get_by_text("It takes 2 votes; Ann voted for it. One vote is missing")).to_be_visible()
    assert approval.id not in page.url

    # Nobody has rejected anything, and what the other person has typed goes along.
    changed = other.get_by_role("alert")
    await expect(changed).to_contain_text("Ann has changed what would run. Nobody has rejected it")
    await expect(changed.get_by_role("row", name="inputs.targetBranch")).to_contain_text('"fixes-2"')
    await accessible(other)
    await changed.get_by_role("link", name="Look at what is asked now").click()
    await expect(other.get_by_label("Notes")).to_have_value("half a sentence")
    await other.get_by_role("button", name="Approve").click()
    await other.get_by_role("button", name="Yes, approve and continue").click()
    await expect(other.get_by_role("status").filter(has_text="Approved by Bob")).to_contain_text("fixes-2")
    await other.goto(f"{platform.address}/console/approvals/{approval.id}")
    await expect(other.get_by_role("link", name="Look at what was decided instead")).to_be_visible()


async def test_a_vote_counts_and_the_page_says_who_has_voted(platform, open_console) -> None:
    approval = await platform.ask(quorum=2)
    page = await open_console(f"approvals/{approval.id}")
    await expect(page.get_by_role("button", name="Approve")).to_be_visible()
    await page.keyboard.press("a")
    await page.get_by_role("button", name="Yes, vote for it").click()
    await expect(page.get_by_text("Your vote counts: 1 of 2.")).to_be_visible()
    await expect(page.get_by_role("button", name="Approve")).to_have_count(0)
    await expect(page.get_by_text("1 of 2: Ann")).to_be_visible()
    other = await open_console(f"approvals/{approval.id}", name="Bob")
    await expect(other.get_by_text("1 of 2: Ann")).to_be_visible()
    await other.keyboard.press("a")
    await other.get_by_role("button", name="Yes, approve and continue").click()
    await expect(other.get_by_role("status").filter(has_text="Approved by Bob")).to_be_visible()
    assert (await platform.records.question(approval.id)).status == "APPROVED"


async def test_a_change_that_needs_a_second_person_is_confirmed_by_one(
    platform, open_console, accessible, monkeypatch
) -> None:
    monkeypatch.setenv("COMMANDCENTER_MODE", "production")
    await platform.ask()
    with suppress(SecondPersonNeeded):
        await require_second_person(
            "weaken-gates",
            digest="sha256:7",
            summary="audit: <b>no gate</b>",
            by=Acting(name="Bob", verified=True),
            project_id=1,
            records=platform.records,
        )
    changes = {"name": "Changes that need a second person"}
    viewer = await open_console(name="Vic", roles=("viewer",))
    await expect(viewer.get_by_role("region", **changes)).to_contain_text("asked by Bob")
    await expect(viewer.get_by_role("button", name="Confirm this change")).to_have_count(0)
    page = await open_console()
    shown = page.get_by_role("region", **changes)
    await expect(shown).to_contain_text("audit: <b>no gate</b>")
    await accessible(page)
    await shown.get_by_role("button", name="Confirm this change").click()
    await expect(shown).to_contain_text("Confirmed by Ann")
    [asked] = await platform.records.change_requests(1)
    assert asked.confirmed_by == "Ann"
