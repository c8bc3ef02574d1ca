"""Runs, agents and events; the policy, the size of the bundle, and what is large."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import httpx
import pytest
from playwright.async_api import expect

ROOT = Path(__file__).parents[2]
BUNDLE = ROOT / "api" / "console_bundle"


async def test_a_run_shows_nodes_that_have_not_started_and_its_question(
    platform, open_console, accessible, picture
) -> None:
    approval = await platform.ask()
    records, run = platform.records, approval.run_id
    for node, agent, took in (("scan", "security-scanner", 7_400), ("assess", "security-assessor", 310)):
        attempt, _ = await records.start_attempt(
            agent_name=agent, inputs={}, run_id=run, node_id=node, agent_version="1.0.0"
        )
        await records.finish_agent_run(attempt, status="SUCCESS", output={}, duration_ms=took)
    await records.set_run_status(run, "WAITING_APPROVAL")
    page = await open_console("runs")
    await expect(page.get_by_role("link", name="security-audit-deploy")).to_be_visible()
    await accessible(page)
    await picture(page, "runs")
    await page.get_by_role("link", name="security-audit-deploy").click()
    await expect(page.locator("[data-node]")).to_have_count(4)
    rows = page.get_by_role("table", name="Nodes of the run").get_by_role("row")
    await expect(rows).to_have_count(5)
    await expect(rows.filter(has_text="scan").first).to_contain_text("succeeded")
    await expect(rows.filter(has_text="notify-if-critical")).to_contain_text("not started")
    await expect(rows.filter(has_text="create-fix-pr")).to_contain_text("waits for approval")
    await accessible(page)
    await picture(page, "run")
    await page.get_by_role("link", name="Look at it and decide").click()
    assert approval.id in page.url


async def test_a_run_that_failed_begins_with_its_cause(platform, open_console, accessible) -> None:
    approval = await platform.ask()
    page = await open_console(f"runs/{approval.run_id}")
    detail = await page.evaluate(f"fetch('/runs/{approval.run_id}').then(r => r.json())")
    detail |= {"status": "FAILED", "finishedAt": detail["startedAt"], "approvals": []}
    failed = {"item": None, "status": "FAILED", "output": None, "attempt": 1}
    detail["nodes"] = [
        {**failed, "nodeId": "assess", "reason": "because node 'scan' failed"},
        {**failed, "nodeId": "scan", "reason": "the repository cannot be read"},
    ]
    await page.route(f"{platform.address}/runs/{approval.run_id}", lambda route: route.fulfill(json=detail))
    await page.reload()
    notice = page.get_by_role("status").filter(has_text="It failed at scan.")
    await expect(notice).to_contain_text("the repository cannot be read")
    await notice.get_by_role("button", name="Look at scan").click()
    await expect(page.get_by_role("region", name="Node scan")).to_contain_text("the repository cannot be read")
    await accessible(page)


async def busy(platform) -> None:
    """Something of everything: pages without it show little."""
    records = platform.records
    for number, ended in enumerate(("SUCCESS", "SUCCESS", "FAILED", None)):
        run = (await platform.ask(run=f"flow-{number}")).run_id
        for agent, took in (("security-scanner", 2_400), ("security-assessor", 310)):
            attempt, _ = await records.start_attempt(
                agent_name=agent, inputs={}, run_id=run, node_id=agent.split("-")[1], agent_version="1.0.0"
            )
            well = ended != "FAILED" or agent == "security-assessor"
            await records.finish_agent_run(
                attempt,
                status="SUCCESS" if well else "FAILED",
                output={} if well else None,
                error=None if well else "the repository cannot be read",
                duration_ms=took * (number + 1),
            )
        await records.receive_event(
            "S",
            number,
            subject="graph.file.updated",
            payload=json.dumps({"projectId": 1, "filePath": f"src/{number}.py", "repositoryPath": "/r"}).encode(),
            outcome="started" if number % 2 else "matched nothing",
            project_id=1,
        )
        if ended:
            await records.finish_run(run, ended, "" if ended == "SUCCESS" else "node 'scan' failed")
    await platform.save((ROOT / "workflows" / "compliance-check-weekly.yaml").read_text())


@pytest.mark.parametrize(
    "path",
    [
        "workflows",
        "new-workflow",
        "agents",
        "agents/notifier",
        "register-agent",
        "events",
        "statistics",
        "nowhere",
    ],
)
async def test_a_page_is_accessible_in_both_colours(platform, open_console, accessible, picture, path) -> None:
    await busy(platform)
    page = await open_console(path)
    await expect(page.get_by_role("heading", level=1)).to_be_visible()
    await accessible(page)
    if path != "nowhere":
        await picture(page, path.replace("/", "-"))
    await page.get_by_label("Colours").select_option("dark")
    await accessible(page)


async def test_only_scripts_of_the_bundle_run(platform) -> None:
    async with httpx.AsyncClient(base_url=platform.address, timeout=60) as client:
        page = await client.get("/console/runs/some-run")
        other = await client.get("/console")
        assert (page.status_code, other.status_code) == (200, 200)
        policy = page.headers["content-security-policy"]
        rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
        assert rules["default-src"] == "'none'"
        assert rules["script-src"] == "'self'"
        assert "unsafe" not in policy
        assert policy != other.headers["content-security-policy"]  # a nonce is used once
        assert '<base href="/console/">' in page.text
        for path in ("assets/none.js", "manifest.json", "assets/..%2f..%2fapp.py", "source.sha256"):
            assert (await client.get(f"/console/{path}")).status_code == 404, path
        assert (await client.get("/console/..%2fapp.py")).text.startswith("<!doctype html>")  # the page, no file
        asset = json.loads((BUNDLE / "manifest.json").read_text())["index.html"]["file"]
        answer = await client.get(f"/console/{asset}")
        assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
        assert "immutable" in answer.headers["cache-control"]


def zipped(*names: str) -> int:
    return sum(len(gzip.compress((BUNDLE / name).read_bytes())) for name in names)


def test_the_bundle_is_small(bundle) -> None:
    manifest = json.loads((BUNDLE / "manifest.json").read_text())
    everything = [path.relative_to(BUNDLE).as_posix() for path in (BUNDLE / "assets").iterdir()]
    assert zipped(*everything) < 500_000
    first: set[str] = set()

    def take(key: str) -> None:
        chunk = manifest[key]
        if chunk["file"] not in first:
            first.add(chunk["file"])
            first.update(chunk.get("css", []))
            for each in chunk.get("imports", []):
                take(each)

    take("index.html")
    assert zipped(*first) < 250_000
    assert all(path.suffix in {".js", ".css"} for path in (BUNDLE / "assets").iterdir())


def test_the_lock_file_names_no_registry() -> None:
    lock = (ROOT / "console" / "package-lock.json").read_text()
    assert "resolved" not in lock
    assert "registry" not in lock


# The milliseconds of 40 frames, sorted, and how many changes the nodes of the graph saw; before each frame, one step is
# done: scroll or zoom.
FRAMES = """async step => {
    const log = document.querySelector('.log'), graph = document.querySelector('.react-flow__pane');
    const times = [];
    const box = graph.getBoundingClientRect(), x = box.left + box.width / 2, y = box.top + box.height / 2;
    const acts = {
        'scroll': at => { log.scrollTop = at * 4000; },
        'zoom': at => graph.dispatchEvent(new WheelEvent('wheel',
            { deltaY: at % 20 < 10 ? -60 : 60, clientX: x, clientY: y, bubbles: true, cancelable: true })),
    };
    let changes = 0;
    const seen = new MutationObserver(found => { changes += found.length; });
    seen.observe(document.querySelector('.react-flow__nodes'), { subtree: true, childList: true, attributes: true });
    let last = performance.now();
    for (let at = 0; at < 40; at++) {
        acts[step](at);
        await new Promise(requestAnimationFrame);
        times.push(performance.now() - last); last = performance.now();
    }
    await new Promise(resolve => setTimeout(resolve));
    seen.disconnect();
    return { times: times.sort((a, b) => a - b), changes };
}"""


async def test_two_thousand_nodes_and_ten_thousand_lines_are_usable(platform, open_console) -> None:
    approval = await platform.ask()
    page = await open_console(f"runs/{approval.run_id}")
    detail = await page.evaluate(f"fetch('/runs/{approval.run_id}').then(r => r.json())")
    nodes = [
        {
            "id": f"n{at}",
            "agent": "notifier",
            "action": "sendSlack",
            "dependsOn": [f"n{(at - 1) // 3}"] if at else [],
        }
        for at in range(2000)
    ]
    detail["graph"] = {"nodes": nodes}
    lines = [
        {
            "id": at,
            "at": "2026-01-01T00:00:00Z",
            "nodeId": "n1",
            "item": None,
            "attempt": 1,
            "level": "INFO",
            "message": f"line {at}",
        }
        for at in range(10_000)
    ]

    async def logs(route) -> None:
        after = int(httpx.URL(route.request.url).params.get("after", "0"))
        page_of = lines[after : after + 1000]
        await route.fulfill(json={"lines": page_of, "next": str(after + len(page_of)), "ended": False})

    await page.route(f"{platform.address}/runs/{approval.run_id}", lambda route: route.fulfill(json=detail))
    await page.route(f"{platform.address}/runs/{approval.run_id}/logs*", logs)
    await page.reload()
    await expect(page.locator(".react-flow__node").first).to_be_visible()
    await expect(page.get_by_text("10,000 lines")).to_be_visible()
    assert await page.locator(".log .line").count() < 200
    # What makes each frame cheap, on any machine: few shapes, and nothing that is rendered again.
    assert await page.locator(".graph .react-flow__edge, .graph .react-flow__handle").count() == 0
    assert await page.locator(".graph .lines path").count() == 2
    curves = await page.locator(".graph .lines .curves").get_attribute("d") or ""
    assert curves.count("M") == 1999
    await expect(page.locator(".graph.far .gnode .id").first).to_be_hidden()
    for step, what in (("scroll", "scroll the log"), ("zoom", "zoom the graph")):
        found = await page.evaluate(FRAMES, step)
        frames = found["times"]
        # For the report of the suite; the limit is for a machine that does nothing else.
        print(f"{what}: median {frames[len(frames) // 2]:.0f} ms, worst {frames[-1]:.0f} ms")
        assert found["changes"] == 0, what
        assert await page.locator(".log .line").count() < 200
