"""Networks as people have them: slow, losing every third answer, or silent; and a decision that is sent over them."""

from __future__ import annotations

import json
import re
from itertools import count

from playwright.async_api import Page, Route, expect

_SLOW = {"offline": False, "latency": 600, "downloadThroughput": 50_000, "uploadThroughput": 20_000}


async def _narrow(page: Page) -> None:
    session = await page.context.new_cdp_session(page)
    await session.send("Network.emulateNetworkConditions", _SLOW)


async def test_over_a_slow_network_a_page_says_that_it_loads_and_a_decision_is_sent_once(
    platform, open_console
) -> None:
    approval = await platform.ask()
    page = await open_console()
    await _narrow(page)
    sent: list[str] = []
    page.on("request", lambda each: sent.append(each.method) if each.url.endswith("/decision") else None)
    await page.goto(f"{platform.address}/console/approvals/{approval.id}", timeout=60_000)
    await page.get_by_role("button", name="Approve").click(timeout=60_000)
    confirm = page.get_by_role("button", name="Yes, approve and continue")
    await confirm.dblclick()
    await expect(page.get_by_role("status").filter(has_text="Approved by Ann")).to_be_visible()
    assert sent == ["POST"]
    [decided] = await platform.records.approvals(1)
    assert decided.status == "APPROVED"


async def test_a_network_that_loses_every_third_answer_loses_nothing_on_the_page(platform, open_console) -> None:
    await platform.ask()
    page = await open_console()
    number = count(1)

    async def lose(route: Route) -> None:
        # A page that does not come at all is the browser's to show.
        lost = route.request.method == "GET" and not route.request.is_navigation_request()
        if lost and next(number) % 3 == 0:
            await route.abort("connectionreset")
        else:
            await route.continue_()

    await page.route(f"{platform.address}/*", lose)
    await page.route(f"{platform.address}/approvals*", lose)
    for _ in range(2):
        await page.goto(f"{platform.address}/console")
        await expect(page.get_by_role("link", name="Create pull request")).to_be_visible()
        for name in ("Runs", "Workflows", "Agents"):
            await page.get_by_role("navigation", name="Pages").get_by_role("link", name=name).click()
            await expect(page).to_have_url(re.compile(name.lower()))
            await expect(page.get_by_role("table").or_(page.get_by_role("list")).last).to_be_visible()
            await expect(page.get_by_role("alert")).to_have_count(0)


async def test_a_server_that_is_silent_is_noticed_and_what_was_typed_stays(platform, open_console) -> None:
    approval = await platform.ask()
    page = await open_console()
    await page.clock.install()
    await page.goto(f"{platform.address}/console/approvals/{approval.id}")
    await page.get_by_label("Notes").fill("looked at it twice")
    held: list[Route] = []

    async def hold(route: Route) -> None:
        held.append(route)

    await page.route("**/decision", hold)
    await page.get_by_role("button", name="Approve").click()
    await page.get_by_role("button", name="Yes, approve and continue").click()
    await expect(page.get_by_role("button", name="Yes, approve and continue")).to_be_disabled()
    await page.clock.fast_forward(200_000)
    alert = page.get_by_role("alert").filter(has_text="does not answer within 180 seconds")
    await expect(alert).to_contain_text("may have been done: look before you ask again")
    await page.unroute("**/decision")
    await expect(page.get_by_label("Notes")).to_have_value("looked at it twice")
    await page.get_by_role("button", name="Approve").click()
    await page.get_by_role("button", name="Yes, approve and continue").click()
    await expect(page.get_by_role("status").filter(has_text="Approved by Ann")).to_be_visible()
    [decided] = await platform.records.approvals(1)
    assert (decided.status, decided.notes) == ("APPROVED", "looked at it twice")


async def test_what_is_pressed_without_a_network_is_told_and_is_not_sent_later_by_itself(
    platform, open_console
) -> None:
    approval = await platform.ask()
    page = await open_console(f"approvals/{approval.id}")
    await page.get_by_label("Notes").fill("on a train")
    await page.get_by_role("button", name="Approve").click()
    await page.context.set_offline(True)
    await expect(page.get_by_text("This browser has no network.")).to_be_visible()
    await page.get_by_role("button", name="Yes, approve and continue").click()
    await expect(page.get_by_role("alert")).to_contain_text("The server does not answer")
    await page.context.set_offline(False)
    await expect(page.get_by_text("This browser has no network.")).to_have_count(0)
    # The page is in touch again, and nothing was decided meanwhile.
    await platform.ask(run="flow-2")
    await expect(page.get_by_role("link", name="Inbox 2")).to_be_visible()
    assert {each.status for each in await platform.records.approvals(1)} == {"PENDING"}
    await expect(page.get_by_label("Notes")).to_have_value("on a train")


async def test_a_stream_that_falls_silent_is_opened_again(platform, open_console) -> None:
    page = await open_console()
    opened: list[str] = []
    page.on("request", lambda each: opened.append(each.url) if each.url.endswith("/stream") else None)
    await page.clock.install()
    await page.reload()
    await expect(page.get_by_role("heading", name="Nothing waits for you")).to_be_visible()
    before = len(opened)
    await page.clock.fast_forward(41_000)
    await page.clock.fast_forward(2_000)
    await expect(page.get_by_text("The server does not answer; trying again.")).to_have_count(0)
    await platform.ask()
    await expect(page.get_by_role("link", name="Create pull request")).to_be_visible()
    assert len(opened) > before, json.dumps(opened)


async def test_a_link_is_not_lost_with_the_first_request(platform, chromium) -> None:
    page = await (await chromium.new_context()).new_page()
    first = True

    async def lose(route: Route) -> None:
        nonlocal first
        await (route.abort("connectionreset") if first else route.continue_())
        first = False

    await page.route("**/session", lose)
    await page.goto(await platform.link("Ann"))
    await expect(page.get_by_role("navigation", name="Pages")).to_be_visible()
    assert not first


async def test_a_part_of_the_console_that_does_not_come_takes_its_page_and_nothing_else(
    platform, open_console
) -> None:
    page = await open_console()
    asked = count(1)

    async def lose_the_first(route: Route) -> None:
        await (route.abort("connectionreset") if next(asked) == 1 else route.continue_())

    async def gone(route: Route) -> None:
        # As after an update of the server, whose parts have other names.
        await route.fulfill(status=404, json={"detail": "no such file"})

    await page.route("**/assets/Runs-*.js", lose_the_first)
    await page.route("**/assets/Agents-*.js", gone)
    pages = page.get_by_role("navigation", name="Pages")
    await pages.get_by_role("link", name="Agents").click()
    await expect(page.get_by_role("alert")).to_contain_text("was started again with another version")
    await pages.get_by_role("link", name="Runs").click()
    await expect(page.get_by_role("heading", name="No runs")).to_be_visible()
    assert next(asked) > 2
    await pages.get_by_role("link", name="Agents").click()
    await page.unroute("**/assets/Agents-*.js")
    await page.get_by_role("button", name="Load it again").click()
    await expect(page.get_by_role("heading", name="Agents")).to_be_visible()
