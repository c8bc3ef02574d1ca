"""What came in and why it started what it did, filters and versions tried on it; runs replayed and run again."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from operations.deploy import RecordsOnly
from operations.second_person import Acting
from operations.workflow_text import save_workflow_text

MISSION = (Path(__file__).parents[2] / "workflows" / "security-audit-on-pr.yaml").read_text()


@pytest.fixture
async def events(platform: Any) -> str:
    """Two events and a dead letter; the digest of the mission's plan, which the first has started."""
    saved = await save_workflow_text(
        "security-audit-deploy",
        MISSION,
        records=platform.records,
        publisher=RecordsOnly(),
        project_id=1,
        by=Acting(name="Bob", verified=True),
        agreed_by="test",
    )
    digest = saved.plan.digest
    [workflow] = await platform.records.workflows(1)
    looked = {"workflow": workflow.name, "digest": digest}
    for number, (path, matched) in enumerate((("src/auth/login.py", True), ("README.md", False))):
        branch = "main" if matched else "<b>" + "b" * 600
        payload = {"projectId": 1, "filePath": path, "repositoryPath": "/repo", "branch": branch}
        await platform.records.receive_event(
            "S",
            number,
            subject="graph.file.updated",
            payload=json.dumps(payload).encode(),
            outcome="started" if matched else "matched nothing",
            project_id=1,
            looked=[{**looked, "matched": matched}],
        )
    await platform.records.dead_letter(
        "S", 9, subject="graph.symbol.changed", payload=b'{"projectId": 1}', reason="<b>no plan</b>", project_id=1
    )
    return digest


async def test_an_event_says_why_field_by_field_a_filter_is_tried_and_a_dead_letter_discarded(
    platform, open_console, accessible, picture, events
) -> None:
    page = await open_console("events")
    rows = page.get_by_role("table").get_by_role("row")
    await expect(rows).to_have_count(3)
    await page.get_by_label("Outcome").select_option("matched nothing")
    await expect(rows).to_have_count(2)
    await page.get_by_role("button", name="Why graph.file.updated").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("did not match")
    await expect(dialog).to_contain_text('"README.md" does not fit')
    await expect(dialog).to_contain_text("<b>bbb")
    modal = page.locator(".modal")
    assert await modal.evaluate("element => element.scrollWidth <= element.clientWidth")
    await accessible(page)
    await dialog.get_by_role("button", name="Close").click()

    # An event that has started a run which no worker has taken yet.
    await page.get_by_label("Outcome").select_option("started")
    await page.get_by_role("button", name="Why graph.file.updated").click()
    await expect(dialog).to_contain_text("No run of it is on record: it waits for a worker")
    await dialog.get_by_role("button", name="Close").click()
    await page.get_by_label("Outcome").select_option("matched nothing")
    await expect(rows).to_have_count(2)

    attempt = page.get_by_role("region", name="Try a filter")
    await attempt.get_by_label("Filters (JSON)").fill('{"filePath": "**.py"}')
    await attempt.get_by_role("button", name="Try").click()
    await expect(attempt.get_by_role("status")).to_have_text("1 of 2 events would start it.")
    await attempt.get_by_label("Filters (JSON)").fill('{"filePath": "**.{py"}')
    await attempt.get_by_role("button", name="Try").click()
    await expect(attempt.get_by_role("alert")).to_contain_text("a `{` is not closed")
    await attempt.get_by_label("Filters (JSON)").fill("{")
    await expect(attempt).to_contain_text("not a JSON object")
    await expect(attempt.get_by_role("button", name="Try")).to_be_disabled()
    await picture(page, "events")

    letters = page.get_by_role("region", name="Given up")
    await letters.get_by_text("<b>no plan</b>").click()
    await letters.get_by_role("button", name="Discard").click()
    await expect(letters).to_contain_text("discarded by Ann")
    [letter] = await platform.records.dead_letters(1)
    assert (letter.settled_as, letter.settled_by) == ("discarded", "Ann")


async def test_a_changed_text_is_played_with_past_events(
    platform, open_console, accessible, picture, events
) -> None:
    [workflow] = await platform.records.workflows(1)
    await platform.records.receive_event(
        "S",
        5,
        subject="graph.file.updated",
        payload=b'{"projectId": 1, "filePath": "x.py", "repositoryPath": "/r", "branch": "main"}',
        outcome="started",
        project_id=1,
        looked=[{"workflow": workflow.name, "digest": events, "matched": True}],
    )
    page = await open_console(f"workflows/{workflow.name}")
    await page.get_by_role("button", name="Past events …").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Play them").click()
    await expect(dialog.get_by_role("status")).to_contain_text("events would be different")
    await accessible(page)
    await picture(page, "builder-past-events")
    assert platform.launch.runs == {}


async def test_running_again_says_what_happens_and_a_replay_takes_another_context(
    platform, open_console, accessible, picture
) -> None:
    approval = await platform.ask()
    await platform.records.record_node(approval.run_id, "scan", state="SKIPPED", reason="for this test")
    await platform.records.record_node(approval.run_id, "notify-if-critical", state="FAILED", reason="no network")
    await platform.records.finish_run(approval.run_id, "FAILED", "it went wrong")
    page = await open_console(f"runs/{approval.run_id}")
    await page.get_by_role("button", name="Rerun …").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("From node").select_option("create-fix-pr")
    await expect(dialog).to_contain_text("Runs againcreate-fix-pr")
    await expect(dialog).to_contain_text("create-fix-pr: a person is asked again")
    # What failed before runs, too, with all that it does.
    await expect(dialog).to_contain_text("Run, tooassess, notify-if-critical: not ended well before")
    await expect(dialog).to_contain_text("notify-if-critical, create-fix-pr: what it has done is done again")
    await accessible(page)
    await picture(page, "rerun")
    await dialog.get_by_role("button", name="Run again").click()
    # This server has no Prefect.
    await expect(dialog.get_by_role("alert")).to_contain_text("not connected to Prefect")
    await dialog.get_by_role("button", name="Back").click()

    await page.get_by_role("button", name="Replay …").click()
    await dialog.get_by_label("Context (JSON)").fill(
        '{"repositoryPath": "/repo", "branch": "other", "filePath": "a.py"}'
    )
    await dialog.get_by_role("button", name="Replay", exact=True).click()
    await expect(page.get_by_role("dialog")).to_have_count(0)
    [started] = platform.launch.runs.values()
    assert started["context"] == {
        "repositoryPath": "/repo",
        "branch": "other",
        "filePath": "a.py",
        "projectId": 1,
    }
    assert (started["trigger"], started["triggered_by"]) == ("manual", "Ann")


async def test_missed_times_of_a_schedule_are_started_by_hand(platform, open_console, accessible) -> None:
    await platform.deploy((Path(__file__).parents[2] / "workflows" / "compliance-check-weekly.yaml").read_text())
    page = await open_console("workflows")
    await page.get_by_role("button", name="Missed times of compliance-check-weekly").click()
    dialog = page.get_by_role("dialog")
    # Of a week, with the day that it begins on; four weeks more have four times more.
    await expect(dialog.get_by_role("checkbox").first).to_be_visible()
    week = await dialog.get_by_role("checkbox").count()
    assert week in (1, 2)
    await dialog.get_by_label("Since").fill("2999-01-01")
    await expect(dialog.get_by_role("alert")).to_have_text("A day that is past.")
    await dialog.get_by_label("Since").fill((datetime.now(UTC) - timedelta(days=35)).strftime("%Y-%m-%d"))
    await expect(dialog.get_by_role("checkbox")).to_have_count(week + 4)
    await accessible(page)
    await dialog.get_by_role("checkbox").last.check()
    await dialog.get_by_role("button", name="Start them").click()
    await expect(dialog.get_by_role("status")).to_have_text("Runs started: 1.")
    [started] = platform.launch.runs.values()
    assert started["context"]["scheduledAt"]
    # The button that was pressed is off now; the dialog is left by its key all the same.
    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)


async def test_who_has_started_a_run_cannot_use_the_page_before_until_the_next_one_is_there(
    open_console, events
) -> None:
    page = await open_console("workflows")
    arrived = asyncio.Event()

    async def late(route: Any) -> None:
        await arrived.wait()
        await route.continue_()

    starts: list[str] = []

    async def start(route: Any) -> None:
        starts.append(route.request.method)
        await route.fulfill(status=202, json={})

    await page.route("**/assets/Runs-*.js", late)
    await page.route("**/workflows/security-audit-deploy/runs", start)
    await page.get_by_role("button", name="Start security-audit-deploy").click()
    # What has to be given is there already, and what else may be is named.
    context = page.get_by_label("Context (JSON)")
    await expect(context).to_have_value(re.compile(r'"projectId": 1,[^}]*"repositoryPath": ""'))
    await expect(page.get_by_role("dialog")).to_contain_text("It may also have branch, commit")
    button = page.get_by_role("button", name="Start a run")
    async with page.expect_request("**/assets/Runs-*.js"):
        await button.click()
    await expect(button).to_be_disabled()
    arrived.set()
    await page.wait_for_url("**/runs?workflow=security-audit-deploy")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    assert starts == ["POST"]
