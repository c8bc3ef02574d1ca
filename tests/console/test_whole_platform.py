"""The demo, from its link to a pushed fix, in the browser alone."""

from __future__ import annotations

import json
from pathlib import Path

import nats
import pytest
from playwright.async_api import expect

from tests.support.started_command import SECONDS, started

ROOT = Path(__file__).parents[2]


@pytest.mark.e2e
async def test_the_demo_is_approved_in_the_browser_and_the_fix_is_pushed(
    bundle, chromium, tmp_path, accessible
) -> None:
    state = tmp_path / "state"
    async with started("demo", state=state, folder=ROOT, until="/console#token=") as command:
        bus = await nats.connect(command.addresses.nats_url)
        asked = await bus.subscribe("workflow.approval.requested")
        page = await (await chromium.new_context(viewport={"width": 1280, "height": 1000})).new_page()
        page.set_default_timeout(SECONDS * 1000)
        await page.goto(command.link)
        await expect(page.get_by_role("link", name="Push branch security-fixes-")).to_be_visible(
            timeout=SECONDS * 1000
        )
        # Whoever hears of it by the event needs no inbox.
        message = json.loads((await asked.next_msg(timeout=SECONDS)).data)
        await bus.close()
        assert message["link"] == f"{command.link.partition('#')[0]}/approvals/{message['approvalId']}"
        await page.goto(message["link"])
        await expect(page.get_by_role("region", name="Exact changes").locator(".add").first).to_be_visible()
        await accessible(page)
        await page.get_by_role("link", name="its run").click()
        rows = page.get_by_role("table", name="Nodes of the run").get_by_role("row")
        await expect(rows.filter(has_text="scan").first).to_contain_text("succeeded")
        await expect(page.locator("[data-node]")).to_have_count(4)
        await accessible(page)
        await page.get_by_role("link", name="Look at it and decide").click()
        await page.get_by_label("Notes").fill("read in the browser")
        await page.keyboard.press("Escape")
        await page.get_by_role("button", name="Approve").click()
        await page.get_by_role("button", name="Yes, approve and continue").click()
        await expect(page.get_by_role("status").filter(has_text="Approved by")).to_be_visible()
        assert await command.ended() == 0, command.text
        assert "exactly the diff that was approved is in it" in command.text
        assert "read in the browser" in command.text
