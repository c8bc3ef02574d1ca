"""The approval, given as a person gives it: in the form of Prefect's UI, in a real headless Chromium."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.expected_conditions import (
    element_to_be_clickable,
    presence_of_element_located,
)
from selenium.webdriver.support.ui import Select, WebDriverWait

from deployments.stack.connection import connect_to


def field(browser: webdriver.Chrome, label: str, tag: str) -> Any:
    """The input below a label of the form."""
    path = f"//div[contains(@class,'p-label')][.//span[starts-with(normalize-space(),'{label}')]]//{tag}"
    return browser.find_elements(By.XPATH, path)[0]


def decide_in_form(
    browser: webdriver.Chrome, url: str, *, name: str, choice: str, notes: str, changes: str = ""
) -> str:
    """Open the run's page, press Resume, fill in the form and submit it. Gives the text of the card."""
    card = open_form(browser, url).text
    field(browser, "Your name", "textarea").send_keys(name)
    Select(field(browser, "create-fix-pr: decision", "select")).select_by_value(choice)
    field(browser, "create-fix-pr: notes", "textarea").send_keys(notes)
    field(browser, "create-fix-pr: inputs to change", "textarea").send_keys(changes)
    browser.find_element(By.XPATH, "//button[normalize-space()='Submit']").click()
    return card


# For each piece of text of the card: how far its colour is from what is drawn behind it (WCAG's contrast ratio).
CONTRAST = """
const rgba = text => (text.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
const channel = v => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4 };
const light = c => 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]);
const behind = element => {
    for (let at = element; at; at = at.parentElement) {
        const found = rgba(getComputedStyle(at).backgroundColor);
        if (found.length < 4 || found[3] > 0.5) return found;
    }
    return [255, 255, 255];
};
const texts = document.createTreeWalker(arguments[0], NodeFilter.SHOW_TEXT);
const seen = [];
while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim()) continue;
    const [a, b] = [light(rgba(getComputedStyle(element).color)), light(behind(element))];
    seen.push([(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), texts.currentNode.data.slice(0, 60)]);
}
return [light(behind(arguments[0])), seen];
"""


def sign_in(browser: webdriver.Chrome, ui_url: str, auth: str) -> None:
    """Give Prefect's UI its password, as a person does once. Its other pages do not ask for it by themselves."""
    browser.get(f"{ui_url}/login")
    wait = WebDriverWait(browser, 60)
    shown = wait.until(presence_of_element_located((By.CSS_SELECTOR, "input[type=password]")))
    shown.send_keys(auth, Keys.ENTER)
    wait.until(lambda opened: not opened.current_url.endswith("/login"))


def open_form(browser: webdriver.Chrome, url: str) -> Any:
    """Open the run's page and its form. Gives the element of the card."""
    wait = WebDriverWait(browser, 60)
    browser.get(url)
    wait.until(element_to_be_clickable((By.XPATH, "//button[normalize-space()='Resume']"))).click()
    wait.until(presence_of_element_located((By.XPATH, "//span[starts-with(normalize-space(),'Your name')]")))
    return browser.find_element(By.CSS_SELECTOR, "article.markdown-renderer")


def look_at_form(browser: webdriver.Chrome, url: str, theme: str) -> tuple[str, float, list[tuple[float, str]]]:
    """The labels of the form, how light its background is, and the contrast of each text of the card."""
    browser.get(url)
    browser.execute_script("localStorage.setItem('color-scheme', JSON.stringify(arguments[0]))", theme)
    card = open_form(browser, url)
    background, contrasts = browser.execute_script(CONTRAST, card)
    labels = [each.text for each in browser.find_elements(By.CSS_SELECTOR, ".p-label__label")]
    return " ".join(labels), background, [(ratio, text) for ratio, text in contrasts]


async def test_the_form_can_be_read_in_both_themes_and_says_that_a_name_is_required(
    platform, change, watch, browser
) -> None:
    waiting = await watch.waiting(change.key)
    url = f"{platform.addresses.ui_url}/runs/flow-run/{waiting.flow_run_id}"
    await asyncio.to_thread(sign_in, browser, platform.addresses.ui_url, platform.addresses.prefect_auth)
    backgrounds = {}
    for theme in ("light", "dark"):
        labels, backgrounds[theme], contrasts = await asyncio.to_thread(look_at_form, browser, url, theme)
        assert "Your name" in labels
        assert "Your name (Optional)" not in " ".join(labels.split())
        assert len(contrasts) > 10
        assert [each for each in contrasts if each[0] < 4.5] == []
    assert backgrounds["dark"] < 0.2 < 0.8 < backgrounds["light"]
    logged = [json.loads(line) for line in platform.cli("logs", waiting.run.id, "--json").stdout.splitlines()]
    assert {"scan", "assess", "notify-if-critical", "create-fix-pr", None} == {each["node"] for each in logged}
    assert [each["message"] for each in logged if each["level"] in ("ERROR", "CRITICAL")] == []
    platform.cli("reject", waiting.run.id, "create-fix-pr", "--by", "kim")
    await watch.ended(change.key)


async def test_a_person_approves_in_prefects_form_and_the_fix_is_pushed(platform, change, watch, browser) -> None:
    waiting = await watch.waiting(change.key)
    url = f"{platform.addresses.ui_url}/runs/flow-run/{waiting.flow_run_id}"
    await asyncio.to_thread(sign_in, browser, platform.addresses.ui_url, platform.addresses.prefect_auth)
    card = await asyncio.to_thread(
        decide_in_form, browser, url, name="Robin", choice="approve", notes="seen in the browser"
    )
    assert "Push branch security-fixes-" in card
    assert "+++ b/" in card
    for shown in ("APPROVAL_REQUIRED", "patcher", "generateFixPR", str(change.repository.path)):
        assert shown in card
    detail = await watch.ended(change.key)
    assert detail.run.status == "SUCCESS", detail.run.message
    (approval,) = detail.approvals
    assert (approval.responded_by, approval.channel, approval.verified) == ("Robin", "form", False)
    assert approval.notes == "seen in the browser"
    assert any(each.startswith("security-fixes-") for each in change.branches())


async def test_an_input_changed_in_prefects_form_is_what_runs(platform, change, watch, browser) -> None:
    waiting = await watch.waiting(change.key)
    url = f"{platform.addresses.ui_url}/runs/flow-run/{waiting.flow_run_id}"
    await asyncio.to_thread(sign_in, browser, platform.addresses.ui_url, platform.addresses.prefect_auth)
    changes = '{"targetBranch": "fixes-as-robin-wants-them"}'
    await asyncio.to_thread(
        decide_in_form, browser, url, name="Robin", choice="approve", notes="", changes=changes
    )
    detail = await watch.ended(change.key)
    assert detail.run.status == "SUCCESS", detail.run.message
    assert sorted(change.branches()) == ["fixes-as-robin-wants-them", "main"]


async def test_an_open_approval_outlives_kill_9_of_everything_and_is_given_in_the_form(
    own_platform, commit_a_change, watch_with, browser
) -> None:
    platform = own_platform
    change = await commit_a_change(platform, "app")
    async with connect_to(platform.addresses) as connection:
        before = await watch_with(connection).waiting(change.key)
    await asyncio.to_thread(platform.kill_everything)
    await asyncio.to_thread(platform.start_again)
    async with connect_to(platform.addresses) as connection:
        watch = watch_with(connection)
        waiting = await watch.waiting(change.key)
        assert (waiting.run.id, waiting.approvals[0].digest) == (before.run.id, before.approvals[0].digest)
        url = f"{platform.addresses.ui_url}/runs/flow-run/{waiting.flow_run_id}"
        await asyncio.to_thread(sign_in, browser, platform.addresses.ui_url, platform.addresses.prefect_auth)
        await asyncio.to_thread(
            decide_in_form, browser, url, name="Robin", choice="approve", notes="after the crash"
        )
        detail = await watch.ended(change.key)
    assert detail.run.status == "SUCCESS", detail.run.message
    assert detail.approvals[0].notes == "after the crash"
    agents = [each.agent_name for each in detail.agent_runs]
    assert len(agents) == len(set(agents)) == 4  # nothing was run twice
    assert sum(each.startswith("security-fixes-") for each in change.branches()) == 1
