"""What comes from outside, on every page; and what people meet in the middle of their work."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from openid_provider import SECRET, free_port, running_provider
from playwright.async_api import Page, expect

from api.oidc.provider import Provider
from api.oidc.settings import OidcSettings
from operations.people import add_person
from records.runs.run_logs import KeptLine

# Markup, a link that is code, a turned order, hidden characters, a terminal's colour and title.
HOSTILE = (
    "<img src=x onerror=hacked=1><script>hacked=1</script> [now](javascript:hacked=1) javascript:hacked=1 "
    "a\u202ereversed\u2066b\u200bc \x1b[31mred\x1b]0;title\x07 **bold** {{ 7*7 }}"
)
HIDDEN = re.compile("[\u202a-\u202e\u2066-\u2069\u200b\u200e\u200f\x00-\x08\x0b-\x1f\x7f-\x9f]")
WEEKLY = (Path(__file__).parents[2] / "workflows" / "compliance-check-weekly.yaml").read_text()
LONG = "x" * 400_000
PATCH = (
    "diff --git a/login.py b/login.py\n--- a/login.py\n+++ b/login.py\n@@ -1,2 +1,2 @@\n"
    f" def check(password):\n-    return hash(password)\n+    return True  # {HOSTILE}\n"
)


@pytest.fixture
async def hostile(platform: Any) -> str:
    """A run, its approval, events, a dead letter and log lines, all with such text; the id of the approval."""
    proposal = {
        "effect": "publish-branch",
        "request": {
            "repository": "/repo",
            "baseCommit": "4f2a9c",
            "branch": "security-fixes-1",
            "commitMessage": HOSTILE,
            "patch": PATCH,
        },
        "facts": {"verified": HOSTILE, "long": LONG},
        "digest": "sha256:7",
    }
    records = platform.records
    approval = await platform.ask(inputs={"repositoryPath": HOSTILE, HOSTILE: HOSTILE}, proposals=[proposal])
    attempt, _ = await records.start_attempt(
        agent_name="security-scanner",
        inputs={"repositoryPath": HOSTILE},
        project_id=1,
        agent_version="1.0.0",
        action="scanRepository",
        run_id=approval.run_id,
        node_id="scan",
    )
    await records.keep_log(
        approval.run_id,
        [
            KeptLine(id=0, node_id="scan", item=None, attempt=1, at=datetime.now(UTC), level="INFO", message=text)
            for text in (HOSTILE, LONG, "line\r\nbreak")
        ],
    )
    await records.finish_agent_run(
        attempt, status="FAILED", error=HOSTILE, failure_kind="error", log_tail=HOSTILE, duration_ms=3
    )
    payload = {"projectId": 1, "filePath": HOSTILE, "repositoryPath": "/repo", "branch": HOSTILE}
    await records.receive_event(
        "S",
        1,
        subject="graph.file.updated",
        payload=json.dumps(payload).encode(),
        outcome="matched nothing",
        project_id=1,
        looked=[{"workflow": approval.workflow_name, "digest": "sha256:1", "matched": False}],
    )
    await records.dead_letter(
        "S", 9, subject="graph.file.updated", payload=json.dumps(payload).encode(), reason=HOSTILE, project_id=1
    )
    return approval.id


async def harmless(page: Page) -> None:
    """Nothing of it ran or became an element, and nothing that hides is in the text."""
    assert await page.evaluate("window.hacked === undefined && document.title.length < 300")
    assert (
        await page.locator("img[src=x], main script, a[href^='javascript:'], main strong:text('bold')").count()
        == 0
    )
    text = await page.evaluate(
        "document.body.innerText + [...document.querySelectorAll('[title],[aria-label]')]"
        ".map(e => `${e.title}${e.ariaLabel}`).join()"
    )
    assert HIDDEN.findall(text) == []


async def test_text_from_outside_is_text_on_every_page_in_both_colours(
    platform, open_console, accessible, hostile
) -> None:
    approval = await platform.records.question(hostile)
    page = await open_console()
    page.on("dialog", lambda dialog: pytest.fail(f"a dialog: {dialog.message}"))

    async def look(path: str, shown: str) -> None:
        await page.goto(f"{platform.address}/console/{path}")
        await expect(page.get_by_text(shown).locator("visible=true").first).to_be_visible()
        await harmless(page)
        for colours in ("dark", "light"):
            await page.emulate_media(color_scheme=colours)
            await accessible(page)

    await look("", "Push branch security-fixes-1")
    await look(f"approvals/{hostile}", "a⟨U+202E⟩reversed⟨U+2066⟩b⟨U+200B⟩c ⟨U+001B⟩[31mred")
    await look("runs", "security-audit-deploy")
    await look(f"runs/{approval.run_id}?node=scan", "javascript:hacked=1")
    log = page.get_by_role("region", name="Log")
    await expect(log).to_contain_text("a⟨U+202E⟩reversed⟨U+2066⟩b⟨U+200B⟩c red⟨U+001B⟩]0;title")
    await expect(log).to_contain_text("break")
    await page.get_by_label("Search in the log").fill("reversed")
    await expect(page.get_by_text("1 line", exact=True)).to_be_visible()
    await harmless(page)
    await look("workflows", "security-audit-deploy")
    weekly = WEEKLY.replace(
        "Weekly compliance audit with auto-remediation", "a\u202eb <img src=x onerror=hacked=1>"
    )
    await platform.save(weekly)
    await look("workflows/compliance-check-weekly", "email-stakeholders")
    await look("agents", "security-scanner")
    await look("agents/security-scanner", "scanRepository")
    await look("statistics", "security-scanner")
    await look("events", "<img src=x onerror=hacked=1>")
    await page.get_by_role("button", name="Why graph.file.updated").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_text("The event", exact=True).click()
    await expect(dialog).to_contain_text("a⟨U+202E⟩reversed")
    await harmless(page)
    await accessible(page)


async def test_a_sign_in_that_ends_while_a_workflow_is_written_keeps_it(platform, open_console) -> None:
    page = await open_console("new-workflow")
    await page.get_by_role("button", name="Add notifier sendSlack", exact=True).click()
    await page.get_by_label("channel (needed)", exact=True).fill("#a")
    await page.get_by_label("channel (needed)", exact=True).blur()
    await page.context.clear_cookies()
    await page.get_by_role("button", name="Save draft").click()
    await expect(page.get_by_text("what you were doing is kept")).to_be_visible()
    token = (await platform.link("Ann")).partition("#token=")[2]
    await page.get_by_label("Your token").fill(token)
    await page.get_by_role("button", name="Sign in", exact=True).click()
    await expect(page.locator("[data-node=send-slack]")).to_be_visible()
    await page.get_by_role("button", name="Save draft").click()
    await expect(page.get_by_text("draft saved")).to_be_visible()
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("heading", name="Sign in to CommandCenter")).to_be_visible()
    await page.go_back()
    await expect(page.locator("[data-node]")).to_have_count(0)


async def test_a_viewer_is_offered_no_acts(platform, open_console) -> None:
    approval = await platform.ask()
    page = await open_console("", name="Vic", roles=("viewer",))
    acts = re.compile(
        "^(Approve|Reject|Cancel|Retry|Rerun|Replay|Start|Discard|Deploy|Register|Save draft|Missed times)"
    )
    for path in (
        "",
        f"approvals/{approval.id}",
        "runs",
        f"runs/{approval.run_id}",
        "workflows",
        "agents",
        "events",
    ):
        await page.goto(f"{platform.address}/console/{path}")
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        await expect(page.get_by_role("button", name=acts)).to_have_count(0)
    await platform.save(WEEKLY)
    await page.goto(f"{platform.address}/console/workflows/compliance-check-weekly")
    await expect(page.get_by_role("button", name="Test …")).to_be_visible()
    for button in await page.get_by_role("button", name=acts).all():
        await expect(button).to_be_disabled()


async def test_the_provider_signs_in_and_leads_back_to_the_page(platform, chromium, accessible) -> None:
    with running_provider(free_port(), f"{platform.address}/sign-in/oidc/callback") as issuer:
        settings = OidcSettings.load(
            {
                "COMMANDCENTER_OIDC_ISSUER": issuer,
                "COMMANDCENTER_OIDC_CLIENT_ID": "commandcenter",
                "COMMANDCENTER_OIDC_CLIENT_SECRET": SECRET,
                "COMMANDCENTER_OIDC_ROLES": json.dumps({"platform": {"1": ["admin"]}}),
                "COMMANDCENTER_API_URL": platform.address,
            }
        )
        assert settings
        platform.provider = Provider(settings)
        await platform.stop()
        await platform.start()
        page = await (await chromium.new_context()).new_page()

        async def sign_in(name: str) -> None:
            await page.goto(f"{platform.address}/console/agents")
            button = page.get_by_role("link", name="Sign in with")
            await expect(button).to_be_visible()
            await accessible(page)
            await button.click()
            await page.locator("input[name=login]").fill(name)
            await page.locator("input[name=password]").fill("any")
            await page.get_by_role("button", name="Sign-in").click()
            await page.get_by_role("button", name="Continue").click()

        await sign_in("carl")
        await expect(page.get_by_role("alert")).to_contain_text("have no role here")
        await page.context.clear_cookies()
        await sign_in("ada")
        await expect(page.get_by_role("link", name="notifier")).to_be_visible()
        assert page.url == f"{platform.address}/console/agents"
        await expect(page.get_by_text("ada (admin)")).to_be_visible()
        await page.get_by_role("button", name="Sign out").click()
        await expect(page.get_by_role("link", name="Sign in with")).to_be_visible()


async def test_a_log_is_one_stream_which_goes_on_where_it_broke(platform: Any, open_console: Any) -> None:
    approval = await platform.ask()

    async def log(*texts: str) -> None:
        at = datetime.now(UTC)
        lines = [
            KeptLine(id=0, node_id="scan", item=None, attempt=1, at=at, level="INFO", message=text)
            for text in texts
        ]
        await platform.records.keep_log(approval.run_id, lines)

    await log("the first line")
    page = await open_console()
    asked: list[str] = []
    page.on(
        "request", lambda each: asked.append(each.url.rpartition("/runs/")[2]) if "/logs" in each.url else None
    )
    await page.goto(f"{platform.address}/console/runs/{approval.run_id}")
    shown = page.get_by_role("region", name="Log")
    await expect(shown).to_contain_text("the first line")
    for at in range(3):
        await log(f"live line {at}", "and another")
        await expect(shown).to_contain_text(f"live line {at}")
    # One page of what was there, and one stream: nothing is asked for again while it goes on.
    assert [each.partition("?")[0].rpartition("/")[2] for each in asked] == ["logs", "stream"], asked

    await page.context.set_offline(True)
    await log("while the network was away")
    await page.context.set_offline(False)
    await log("when it was back")
    await expect(shown).to_contain_text("when it was back", timeout=60_000)
    await expect(page.get_by_text("9 lines", exact=True)).to_be_visible()


async def test_a_page_stays_in_its_project_when_another_tab_chooses_another_one(platform, open_console) -> None:
    page = await open_console("new-workflow")
    await expect(page.get_by_role("button", name="Save draft")).to_be_enabled()
    await add_person("Ann", records=platform.records, project_id=2, roles=("admin",), by="test")
    other = await page.context.new_page()
    await other.goto(f"{platform.address}/console/runs")
    async with other.expect_navigation():
        await other.get_by_label("Project").select_option("2")
    await expect(other.get_by_label("Project")).to_have_value("2")
    await page.get_by_role("button", name="Save draft").click()
    await expect(page.get_by_text("draft saved")).to_be_visible()
    assert [each.name for each in await platform.records.drafts(1)] == ["new-workflow"]
    assert await platform.records.drafts(2) == []
    # Each is told of what changes in its own.
    await page.get_by_role("link", name="Inbox").click()
    await expect(page.get_by_role("heading", name="Nothing waits for you")).to_be_visible()
    await platform.ask()
    await expect(page.get_by_role("link", name="Create pull request")).to_be_visible()
    await expect(other.get_by_role("link", name="Inbox")).to_have_text("Inbox")
    await page.reload()
    await expect(page.get_by_label("Project")).to_have_value("2")
