"""A newcomer's first day on `commandcenter up`: a workflow built, tested, deployed, started, debugged, cancelled."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import nats
import pytest
from playwright.async_api import Page, expect

from deployments.demo.sample_repository import make_repository
from deployments.stack.addresses import Addresses
from tests.support.started_command import SECONDS, started

_MS = SECONDS * 1000


@pytest.fixture
async def up(bundle: None, tmp_path: Path) -> AsyncIterator[tuple[str, Addresses]]:
    """The link that it prints, and where its parts are."""
    (tmp_path / "workflows").mkdir()
    folders = ("--workflows", str(tmp_path / "workflows"), "--repositories", str(tmp_path))
    async with started("up", *folders, state=tmp_path / "state", folder=tmp_path, until="Prefect UI") as command:
        yield command.link, command.addresses


async def fill(page: Page, label: str, text: str) -> None:
    field = page.get_by_label(label, exact=True)
    await field.fill(text)
    await field.blur()


@pytest.mark.e2e
async def test_a_workflow_is_built_tested_deployed_started_debugged_and_cancelled_in_the_browser(
    up, chromium, accessible, tmp_path: Path
) -> None:
    link, addresses = up
    repository = make_repository(tmp_path / "repositories")
    event = {
        "projectId": 1,
        "repositoryPath": str(repository.path),
        "filePath": repository.changed_files[0],
        "branch": "main",
        "commit": repository.commit,
        "previousCommit": repository.base_commit,
    }
    page = await (await chromium.new_context(viewport={"width": 1280, "height": 900})).new_page()
    page.set_default_timeout(_MS)
    await page.goto(link)

    # Built.
    await page.get_by_role("link", name="Workflows").click()
    await expect(page.get_by_role("heading", name="No workflows")).to_be_visible()
    await page.get_by_role("link", name="New workflow").first.click()
    await fill(page, "Name", "first-look")
    await page.get_by_role("button", name="Add security-scanner scanRepository", exact=True).click()
    await fill(page, "Id", "scan")
    await fill(page, "repositoryPath (needed)", "{{ context.repositoryPath }}")
    await page.get_by_role("button", name="Add security-assessor evaluateRisk", exact=True).click()
    await fill(page, "Id", "assess")
    await page.get_by_role("button", name="vulnerabilities: template").click()
    await page.get_by_label("vulnerabilities: insert a template").select_option(
        "{{ nodes.scan.output.vulnerabilities }}"
    )
    await page.get_by_role("combobox", name="Approval", exact=True).select_option("true")
    await fill(page, "Deadline (48h, 30m; empty: none)", "48h")
    await expect(page.get_by_role("region", name="Problems")).to_contain_text("None. Plan")
    await page.get_by_role("tab", name="Workflow").click()
    await page.get_by_role("button", name="Try on recorded events").click()
    await expect(page.get_by_text("No events are on record yet.")).to_be_visible()

    # Tested, with a way that no case takes.
    await page.get_by_role("button", name="Test …").click()
    await page.get_by_text("Several cases, as in a test file").click()
    await page.get_by_label("Cases (YAML)").fill("cases:\n  - name: one\n  - name: other\n")
    await page.get_by_role("button", name="Test", exact=True).click()
    await expect(page.get_by_role("dialog")).to_contain_text("No case takes")
    await page.get_by_role("button", name="Close").click()
    await expect(page.locator("[data-node=assess]")).to_contain_text("not tested: gate rejected")
    await accessible(page)

    # Deployed.
    await page.get_by_role("button", name="Deploy …").click()
    await page.get_by_role("button", name="Deploy", exact=True).click()
    await expect(page.get_by_role("dialog")).to_have_count(0)

    # Started by hand with a mistake; found, and played again without it.
    await page.get_by_role("link", name="Workflows", exact=True).first.click()
    await page.get_by_role("button", name="Start first-look").click()
    missing = {**event, "repositoryPath": str(tmp_path / "nowhere")}
    await page.get_by_label("Context (JSON)").fill(json.dumps(missing))
    await page.get_by_role("button", name="Start a run").click()
    # The page before it has a table with such a link as well.
    await page.wait_for_url("**/runs?workflow=first-look")
    await expect(page.get_by_role("heading", name="Runs", exact=True)).to_be_visible()
    await page.get_by_role("table").get_by_role("link", name="first-look").click()
    cause = page.get_by_role("status").filter(has_text="It failed at scan.")
    await expect(cause).to_contain_text("nowhere", timeout=_MS)
    await cause.get_by_role("button", name="Look at scan").click()
    await expect(page.get_by_role("region", name="Node scan")).to_be_visible()
    await page.get_by_role("button", name="Replay …").click()
    await page.get_by_role("dialog").get_by_label("Context (JSON)").fill(json.dumps(event))
    await page.get_by_role("dialog").get_by_role("button", name="Replay", exact=True).click()
    await expect(page.get_by_role("dialog")).to_have_count(0)

    # Whoever starts a run by hand does not approve it; the one that an event starts is approved, the other cancelled.
    await page.get_by_role("link", name="Inbox").click()
    entries = page.get_by_role("list", name="Approvals that wait").get_by_role("link")
    await expect(entries).to_have_count(1, timeout=_MS)
    await entries.click()
    await expect(page.get_by_text("You started this run, so somebody else approves it.")).to_be_visible()
    await page.go_back()
    bus = await nats.connect(addresses.publisher_url)
    await bus.jetstream().publish("graph.file.updated", json.dumps(event).encode())
    await bus.close()
    await expect(entries).to_have_count(2, timeout=_MS)
    await entries.last.click()
    await expect(page.get_by_role("button", name="Approve")).to_be_visible()
    await expect(page.get_by_text("You started this run")).to_have_count(0)
    await page.get_by_role("button", name="Approve").click()
    await page.get_by_role("button", name="Yes, approve and continue").click()
    await page.get_by_role("link", name="Follow its run").click()
    await expect(page.locator(".head").get_by_text("succeeded")).to_be_visible(timeout=_MS)
    prefect = page.get_by_role("link", name="its flow run in Prefect's UI")
    assert str(await prefect.get_attribute("href")).startswith(f"{addresses.ui_url}/runs/flow-run/")
    await page.get_by_role("link", name="Inbox").click()
    await expect(entries).to_have_count(1)
    await entries.first.click()
    await page.get_by_role("link", name="its run").click()
    await page.get_by_role("button", name="Cancel …").click()
    await page.get_by_role("dialog").get_by_role("button", name="Cancel the run").click()
    await expect(page.locator(".head").get_by_text("waits for approval")).to_have_count(0, timeout=_MS)

    await page.get_by_role("link", name="Events").click()
    row = page.get_by_role("row").filter(has_text="graph.file.updated")
    await expect(row).to_contain_text("first-look")
    await accessible(page)
