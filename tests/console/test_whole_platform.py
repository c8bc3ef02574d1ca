"""The demo, from its link to a pushed fix, in the browser alone."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from pathlib import Path

import nats
import pytest
from playwright.async_api import expect

from deployments.stack.addresses import running

ROOT = Path(__file__).parents[2]
COMMAND = str(Path(sys.executable).with_name("commandcenter"))
_SECONDS = 240


@pytest.mark.e2e
async def test_the_demo_is_approved_in_the_browser_and_the_fix_is_pushed(
    bundle, chromium, tmp_path, accessible
) -> None:
    process = await asyncio.create_subprocess_exec(
        *(COMMAND, "demo", "--state", str(tmp_path / "state")),
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "200"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said: list[str] = []
    link: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def listen() -> None:
        assert process.stdout
        async for line in process.stdout:
            said.append(line.decode(errors="replace"))
            found = re.search(r"http://127\.0\.0\.1:\d+/console#token=\S+", said[-1])
            if found and not link.done():
                link.set_result(found[0])

    listening = asyncio.create_task(listen())
    try:
        done, _ = await asyncio.wait([link, listening], timeout=_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        assert link in done, "".join(said)
        addresses = running(tmp_path / "state")
        assert addresses
        bus = await nats.connect(addresses.nats_url)
        asked = await bus.subscribe("workflow.approval.requested")
        page = await (await chromium.new_context(viewport={"width": 1280, "height": 1000})).new_page()
        page.set_default_timeout(_SECONDS * 1000)
        await page.goto(link.result())
        await expect(page.get_by_role("link", name="Push branch security-fixes-")).to_be_visible(
            timeout=_SECONDS * 1000
        )
        # Whoever hears of it by the event needs no inbox.
        message = json.loads((await asked.next_msg(timeout=_SECONDS)).data)
        await bus.close()
        assert message["link"] == f"{link.result().partition('#')[0]}/approvals/{message['approvalId']}"
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
        await expect(page.get_by_role("status").filter(has_text="Approved by")).to_be_visible(timeout=30_000)
        assert await asyncio.wait_for(process.wait(), _SECONDS) == 0, "".join(said)
        await listening
        text = "".join(said)
        assert "exactly the diff that was approved is in it" in text
        assert "read in the browser" in text
    finally:
        if process.returncode is None:
            process.terminate()
            await asyncio.wait_for(process.wait(), 60)
        listening.cancel()
