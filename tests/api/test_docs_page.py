"""`/docs` in a real Chromium: drawn from this machine alone, under a policy that nothing in it offends."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
from selenium.webdriver.common.by import By
from selenium.webdriver.support.expected_conditions import presence_of_element_located
from selenium.webdriver.support.ui import WebDriverWait


def look(browser: Any, address: str) -> tuple[str, list[str], list[str]]:
    """Text of the page, addresses it has loaded, and what the browser complains about."""
    browser.get(f"{address}/docs")
    WebDriverWait(browser, 30).until(presence_of_element_located((By.CSS_SELECTOR, ".opblock-summary-path")))
    loaded = browser.execute_script("return performance.getEntriesByType('resource').map(each => each.name)")
    complaints = [each["message"] for each in browser.get_log("browser")]
    return browser.find_element(By.TAG_NAME, "body").text, loaded, complaints


async def test_the_reference_is_drawn_without_any_other_host(address, browser) -> None:
    text, loaded, complaints = await asyncio.to_thread(look, browser, address)
    assert "/runs/{run_id}/artifacts" in text.replace("\u200b", "")
    assert len(loaded) >= 4
    assert [each for each in loaded if not each.startswith((f"{address}/", "data:"))] == []
    assert complaints == []


async def test_the_page_has_a_strict_policy_and_serves_no_other_file(address) -> None:
    async with httpx.AsyncClient(base_url=address, timeout=60) as client:
        policy = (await client.get("/docs")).headers["Content-Security-Policy"]
        for name in ("redoc.standalone.js", "..%2F..%2Fpyproject.toml", "consts.py"):
            assert (await client.get(f"/docs/{name}")).status_code == 404
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
