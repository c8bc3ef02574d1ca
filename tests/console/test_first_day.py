"""A newcomer's first day on `commandcenter up`: a workflow built, tested, deployed, started, debugged, cancelled.

And its second: a run that failed is retried, run again from a node and replayed, on the same real Prefect and worker.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import nats
import pytest
from anyio.from_thread import start_blocking_portal
from forked_command import run_command
from playwright.async_api import Page, expect

from agents.repository.git import Git
from deployments.demo.sample_repository import make_repository
from deployments.stack.addresses import Addresses
from deployments.stack.connection import connect_to
from operations.people import add_person, issue_link
from tests.support.prefect_home import fill_prefect_home
from tests.support.started_command import SECONDS, started

_MS = SECONDS * 1000


@dataclass(frozen=True)
class Up:
    """`commandcenter up`, for the tests of this file."""

    link: str
    """Signs a browser in, once."""
    addresses: Addresses
    folder: Path
    """Where repositories may be."""


@pytest.fixture(scope="module")
def up(bundle: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    folder = tmp_path_factory.mktemp("up")
    (folder / "workflows").mkdir()
    fill_prefect_home(tmp_path_factory, folder / "state" / "prefect")
    folders = ("--workflows", str(folder / "workflows"), "--repositories", str(folder))
    command = started("up", *folders, state=folder / "state", folder=folder, until="Prefect UI")
    # In a loop of its own, which goes on between the tests: somebody has to listen to what it prints.
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(command) as opened:
        yield Up(link=opened.link, addresses=opened.addresses, folder=folder)


async def fill(page: Page, label: str, text: str) -> None:
    field = page.get_by_label(label, exact=True)
    await field.fill(text)
    await field.blur()


@pytest.mark.e2e
async def test_a_workflow_is_built_tested_deployed_started_debugged_and_cancelled_in_the_browser(
    up, chromium, accessible
) -> None:
    link, addresses = up.link, up.addresses
    repository = make_repository(up.folder / "repositories")
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
    missing = {**event, "repositoryPath": str(up.folder / "nowhere")}
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
    await expect(page.get_by_text("started this run and cannot approve it: another person must")).to_be_visible()
    await page.go_back()
    bus = await nats.connect(addresses.publisher_url)
    await bus.jetstream().publish("graph.file.updated", json.dumps(event).encode())
    await bus.close()
    await expect(entries).to_have_count(2, timeout=_MS)
    await entries.last.click()
    await expect(page.get_by_role("button", name="Approve")).to_be_visible()
    await expect(page.get_by_text("started this run and cannot approve it")).to_have_count(0)
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


RETRIED = """\
name: goes-again
trigger: {event: graph.file.updated, filters: {filePath: "again/*"}}
nodes:
  - id: scan
    agent: security-scanner
    action: scanRepository
    inputs: {repositoryPath: "{{ context.repositoryPath }}"}
  - id: assess
    agent: security-assessor
    action: evaluateRisk
    dependsOn: [scan]
    inputs: {vulnerabilities: "{{ nodes.scan.output.vulnerabilities }}"}
    approvalRequired: true
"""


@pytest.mark.e2e
async def test_a_run_that_failed_is_retried_run_again_from_a_node_and_replayed(up, chromium) -> None:
    (up.folder / "again.yaml").write_text(RETRIED)
    env = {**os.environ, "COMMANDCENTER_STATE": str(up.folder / "state")}
    deployed = await asyncio.to_thread(run_command, ["deploy", str(up.folder / "again.yaml")], env=env)
    assert deployed.returncode == 0, deployed.stderr
    place = up.folder / "later"
    event = {"projectId": 1, "repositoryPath": str(place / "shop"), "filePath": "again/a.py", "branch": "main"}
    bus = await nats.connect(up.addresses.publisher_url)
    await bus.jetstream().publish("graph.file.updated", json.dumps(event).encode())
    await bus.close()

    async with connect_to(up.addresses) as platform:
        records, prefect = platform.records, platform.prefect
        await add_person("Bob", records=records, project_id=1, roles=("admin",), by="test")
        issued = await issue_link("Bob", records=records, by="test")
        page = await (await chromium.new_context(viewport={"width": 1280, "height": 900})).new_page()
        page.set_default_timeout(_MS)
        await page.goto(f"{up.link.partition('#')[0]}#token={issued.text}")
        await page.get_by_role("navigation", name="Pages").get_by_role("link", name="Runs").click()
        await page.get_by_role("table").get_by_role("link", name="goes-again").click()
        head, dialog = page.locator(".head").first, page.get_by_role("dialog")

        async def state_in_prefect(wanted: str) -> None:
            """Prefect's state of the run, once its engine has told it."""
            seen = None
            async with asyncio.timeout(SECONDS):
                while seen != wanted:
                    state = (await prefect.read_flow_run(flow_run)).state
                    seen = state and state.type.value
                    await asyncio.sleep(0.1)

        async def approve() -> str:
            """The digest that was asked for."""
            await page.get_by_role("link", name="Look at it and decide").click()
            await page.get_by_role("button", name="Approve").click()
            await page.get_by_role("button", name="Yes, approve and continue").click()
            await page.get_by_role("link", name="Follow its run").click()
            await expect(head.get_by_text("succeeded")).to_be_visible()
            return (await records.approval(run.id, "assess")).digest

        # The cause is before everything else of the page.
        cause = page.get_by_role("main").get_by_role("status").filter(has_text="It failed at scan.")
        await expect(cause).to_contain_text(str(place / "shop"))
        assert await cause.evaluate("it => it.parentElement.querySelector('.notice, .graph, table') === it")
        run = await records.run(page.url.rpartition("/")[2])
        assert run.flow_run_id
        flow_run = UUID(run.flow_run_id)
        await state_in_prefect("FAILED")

        # Retried in vain, then with what was missing.
        await page.get_by_role("button", name="Retry …").click()
        await dialog.get_by_role("button", name="Retry", exact=True).click()
        await expect(page.locator("dt:text-is('Reopened') + dd")).to_have_text("1 time")
        await expect(cause).to_be_visible()
        await state_in_prefect("FAILED")
        repository = make_repository(place)
        await page.get_by_role("button", name="Retry …").click()
        await dialog.get_by_role("button", name="Retry", exact=True).click()
        await expect(cause).to_have_count(0)
        first = await approve()
        await state_in_prefect("COMPLETED")
        scanned = (await records.node_results(run.id))["scan", None]

        # From the node with the gate: the scan keeps its output, and the same is asked again.
        await page.get_by_role("button", name="Rerun …").click()
        await dialog.get_by_label("From node").select_option("assess")
        await expect(dialog).to_contain_text("Outputs keptscan")
        await dialog.get_by_role("button", name="Run again").click()
        assert await approve() == first
        await state_in_prefect("COMPLETED")
        assert (await records.node_results(run.id))["scan", None] == scanned

        # From the scan, which finds something else now: another question.
        (repository.path / "more.py").write_text(
            "import os\n\ndef run(request):\n    os.system(request.args['x'])\n"
        )
        git = Git(folder=repository.path, config=("user.name=Ann", "user.email=ann@example.org"))
        git.run("add", "--all")
        git.run("commit", "--quiet", "--message", "more")
        await page.get_by_role("button", name="Rerun …").click()
        await dialog.get_by_label("From node").select_option("scan")
        await dialog.get_by_role("button", name="Run again").click()
        assert await approve() != first
        await state_in_prefect("COMPLETED")
        asked = await records.approvals(1, run_id=run.id, superseded=True)
        assert [each.status for each in asked] == ["APPROVED"] * 3
        assert {each.responded_by for each in asked} == {"Bob"}

        # Replayed with another context: another run.
        await page.get_by_role("button", name="Replay …").click()
        await dialog.get_by_label("Context (JSON)").fill(json.dumps({**event, "branch": "replayed"}))
        await dialog.get_by_role("button", name="Replay", exact=True).click()
        await page.wait_for_url("**/runs?workflow=goes-again")
        await expect(page.get_by_role("table").get_by_role("link", name="goes-again")).to_have_count(2)
        other = next(each for each in await records.runs(1, workflow="goes-again") if each.id != run.id)
        assert (other.trigger, other.triggered_by, other.context["branch"]) == ("manual", "Bob", "replayed")
        trail = [each.event for each in await records.audit_trail(run_id=run.id) if each.node_id == ""]
        assert trail == ["retried", "retried", "rerun", "rerun", "replayed"]
        assert (await records.verify_audit()).intact
        assert other.flow_run_id
        assert (await prefect.read_flow_run(UUID(other.flow_run_id))).parameters["context"]["branch"] == "replayed"
