"""A workflow is built, changed, tested and deployed in the browser; the text is the only model."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from playwright.async_api import Locator, Page, expect

from compiler import ActionSpec, AgentSpec, Source, compile

ROOT = Path(__file__).parents[2]
MISSION = (ROOT / "workflows" / "security-audit-on-pr.yaml").read_text()
WEEKLY = (ROOT / "workflows" / "compliance-check-weekly.yaml").read_text()


async def fill(page: Page, label: str, text: str) -> None:
    field = page.get_by_label(label, exact=True)
    await field.fill(text)
    await field.blur()


async def template(page: Page, name: str, text: str) -> None:
    await page.get_by_role("button", name=f"{name}: template").click()
    await fill(page, name, text)


async def input_of(page: Page, name: str, text: str, *, needed: bool = True) -> None:
    await fill(page, f"{name} (needed)" if needed else name, text)


async def add(page: Page, agent: str, action: str, renamed: str) -> None:
    await page.get_by_role("button", name=f"Add {agent} {action}", exact=True).click()
    await fill(page, "Id", renamed)
    await expect(page.get_by_role("heading", name=renamed, exact=True)).to_be_visible()


async def text_of(page: Page) -> str:
    """The document of the editor, also where it is not on screen."""
    await page.get_by_role("tab", name="YAML").click()
    return await page.evaluate(
        "Array.from(document.querySelectorAll('.cm-line')).map(l => l.textContent).join('\\n')"
    )


async def test_a_newcomer_builds_the_first_workflow_without_yaml(platform, open_console, picture) -> None:
    page = await open_console("workflows")
    await page.get_by_role("link", name="New workflow").click()
    await fill(page, "Name", "security-audit-deploy")
    await fill(page, "Description", "Run security scan on code changes, create fix PR if needed")
    for field, pattern in (("filePath", "**.{ts,tsx,js,jsx,py}"), ("branch", "main")):
        await page.get_by_label("Field of the event").fill(field)
        await page.get_by_label("Pattern").fill(pattern)
        await page.get_by_role("button", name="Add filter").click()

    await add(page, "security-scanner", "scanRepository", "scan")
    await input_of(page, "repositoryPath", "{{ context.repositoryPath }}")
    await page.get_by_label("scanType", exact=True).select_option("INCREMENTAL")
    await page.get_by_label("baseCommit: insert a template").select_option("{{ context.previousCommit }}")
    await page.get_by_role("combobox", name="Approval", exact=True).select_option("false")

    await add(page, "security-assessor", "evaluateRisk", "assess")
    await page.get_by_role("button", name="vulnerabilities: template").click()
    await page.get_by_label("vulnerabilities: insert a template").select_option(
        "{{ nodes.scan.output.vulnerabilities }}"
    )
    await page.get_by_role("combobox", name="Approval", exact=True).select_option("false")

    await add(page, "notifier", "sendSlackAlert", "notify-if-critical")
    await input_of(page, "channel", "#security-alerts")
    await input_of(
        page,
        "message",
        "🚨 {{ nodes.assess.output.summary.critical }} CRITICAL vulnerabilities detected in "
        "{{ context.repositoryPath }}",
    )
    await page.get_by_role("button", name="condition: template").click()
    await input_of(page, "condition", "{{ nodes.assess.output.summary.critical > 0 }}", needed=False)
    await page.get_by_role("combobox", name="Approval", exact=True).select_option("false")

    await page.get_by_text("Nodes as a list").click()
    await page.get_by_role("button", name="assess", exact=True).click()
    await add(page, "patcher", "generateFixPR", "create-fix-pr")
    await page.get_by_role("button", name="vulnerabilities: template").click()
    await input_of(page, "vulnerabilities", "{{ nodes.scan.output.vulnerabilities }}")
    await input_of(page, "repositoryPath", "{{ context.repositoryPath }}")
    await input_of(page, "targetBranch", "security-fixes-{{ nodes.scan.output.scanId }}")
    await page.get_by_role("combobox", name="Approval", exact=True).select_option("true")

    await expect(page.locator("[data-node]")).to_have_count(4)
    await expect(page.get_by_role("region", name="Problems")).to_contain_text("None. Plan")
    await expect(page.locator(".react-flow__edge")).to_have_count(3)
    # Wide enough that the words on the canvas can be read in the documentation.
    before = page.viewport_size
    await page.set_viewport_size({"width": 1720, "height": 900})
    await page.get_by_role("button", name="Fit View").click()
    await expect(page.locator(".react-flow__viewport")).to_have_attribute(
        "style", re.compile(r"scale\((0\.[6-9]|1)")
    )
    await picture(page, "builder")
    await page.set_viewport_size(before)
    await page.get_by_role("button", name="Deploy …").click()
    await page.get_by_role("button", name="Deploy", exact=True).click()
    await expect(page.get_by_role("dialog")).to_have_count(0)

    wanted = compile(Source(text=MISSION, path="m.yaml"), await platform.records.catalogue(1), project_id=1).plan
    [saved] = await platform.records.workflows(1)
    assert (saved.name, saved.plan_digest) == (wanted.name, wanted.digest)


async def test_while_an_edge_is_drawn_each_node_says_whether_it_fits(platform, open_console, accessible) -> None:
    await platform.save(MISSION)
    page = await open_console("workflows/security-audit-deploy")
    nodes = {id: page.locator(f"[data-node={id}]") for id in ("scan", "assess", "create-fix-pr")}
    await expect(page.get_by_role("region", name="Problems")).to_contain_text("None. Plan")

    async def handle(node: str, side: str) -> tuple[float, float]:
        box = await page.locator(f".react-flow__handle.{side}[data-nodeid={node}]").bounding_box()
        assert box
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    await page.mouse.move(*await handle("scan", "source"))
    await page.mouse.down()
    x, y = await handle("scan", "source")
    await page.mouse.move(x + 40, y + 60, steps=3)
    told = page.get_by_role("status").filter(has_text="From scan: ")
    await expect(told).to_have_text("From scan: 2 fit, 0 could only wait, 1 cannot be connected.")
    await expect(nodes["create-fix-pr"]).to_contain_text("takes vulnerabilities")
    await expect(nodes["assess"]).to_contain_text("connected already")
    await expect(nodes["assess"]).to_have_class(re.compile("fit-no"))
    await page.mouse.move(*await handle("create-fix-pr", "target"), steps=3)
    await page.mouse.up()
    await expect(told).to_have_count(0)
    await expect(page.locator(".react-flow__edge")).to_have_count(4)
    await expect(nodes["create-fix-pr"]).to_contain_text("patcher · generateFixPR")
    await page.get_by_role("button", name="Undo").click()

    # The same by keyboard, in the list beside the graph; the focus stays where it is.
    await page.get_by_text("Nodes as a list").click()
    begin = page.get_by_role("button", name="Connect from scan")
    await begin.press("Enter")
    await expect(page.get_by_role("button", name="Connect scan to assess")).to_be_disabled()
    await accessible(page)
    await page.get_by_role("button", name="Connect scan to create-fix-pr").focus()
    await page.keyboard.press("Escape")
    await expect(begin).to_be_focused()
    await begin.press("Enter")
    await page.get_by_role("button", name="Connect scan to create-fix-pr").press("Enter")
    await expect(page.get_by_role("button", name="Connect from create-fix-pr")).to_be_focused()
    await expect(page.get_by_role("heading", name="create-fix-pr")).to_be_visible()
    await expect(page.get_by_role("checkbox", name="scan")).to_be_checked()


GROUPS = {
    "type": "object",
    "properties": {
        "limit": {"type": "integer"},
        "options": {"type": "object", "properties": {"title": {"type": "string"}}},
        "tree": {"$ref": "#/$defs/Tree"},
    },
    "$defs": {"Tree": {"type": "object", "properties": {"below": {"$ref": "#/$defs/Tree"}}}},
}


async def test_members_of_groups_are_offered_what_fits_and_what_is_no_number_is_not_taken(
    platform, open_console
) -> None:
    action = ActionSpec(name="act", input_schema=GROUPS, output_schema={"type": "object"})
    grouped = AgentSpec(
        name="grouped", type="RULE", version="1.0.0", risk="AUTO", entry_path="x", actions={"act": action}
    )
    await platform.records.register_agent(1, grouped)
    page = await open_console("new-workflow")
    await add(page, "security-scanner", "scanRepository", "scan")
    await add(page, "grouped", "act", "use")
    insert = page.get_by_label("title: insert a template")
    await expect(insert.locator("option", has_text="{{ nodes.scan.output.scanId }}")).to_be_attached()
    misfit = insert.locator("option", has_text="nodes.scan.output.vulnerabilities: this does not always fit")
    await expect(misfit.first).to_be_disabled()
    await fill(page, "limit", "7")
    await fill(page, "limit", "many")
    await expect(page.get_by_role("alert")).to_have_text("many is no whole number; it was not taken over.")
    assert "limit: 7" in await text_of(page)
    # A type that holds itself has fields for a few levels, then one for the rest.
    await page.get_by_role("tab", name="Node").click()
    await expect(page.get_by_placeholder("JSON")).to_have_count(1)


async def test_from_the_keyboard_the_focus_stays_at_the_work_and_a_list_is_looked_through_before_it_acts(
    platform, open_console
) -> None:
    page = await open_console("workflows")
    await page.get_by_role("link", name="New workflow").press("Enter")
    await expect(page.locator("main")).to_be_focused()
    await page.get_by_role("button", name="Add security-scanner scanRepository").press("Enter")
    id = page.get_by_label("Id", exact=True)
    await expect(id).to_be_focused()
    await page.keyboard.press("ControlOrMeta+a")
    await page.keyboard.type("scan")
    await page.keyboard.press("Enter")
    await expect(page.locator("[data-node=scan]")).to_be_visible()
    await expect(id).to_be_focused()

    insert = page.get_by_label("repositoryPath: insert a template")
    await expect(insert.locator("option", has_text="context.repositoryPath")).to_be_attached()
    await insert.focus()
    await page.keyboard.type("{{ context.rep")
    await expect(page.get_by_text("Enter takes it")).to_be_visible()
    field = page.get_by_label("repositoryPath (needed)", exact=True)
    await expect(field).to_have_value("")
    await page.keyboard.press("Enter")
    await expect(field).to_have_value("{{ context.repositoryPath }}")

    await page.get_by_role("tab", name="Node").press("ArrowRight")
    await expect(page.get_by_role("tab", name="Workflow")).to_be_focused()
    await page.get_by_label("Field of the event").fill("branch")
    await page.get_by_label("Pattern").fill("main")
    await page.get_by_role("button", name="Add filter").press("Enter")
    await expect(page.get_by_label("Field of the event")).to_be_focused()

    # What is tried is tried again: it is there when the dialog is opened anew, and a click beside it closes nothing.
    await page.get_by_role("button", name="Test …").click()
    await page.get_by_label("Context (JSON").fill("{")
    await expect(page.get_by_role("alert")).to_have_text("The context is not a JSON object.")
    await page.mouse.click(5, 5)
    await page.get_by_role("button", name="Close").click()
    await page.get_by_role("button", name="Test …").click()
    await expect(page.get_by_label("Context (JSON")).to_have_value("{")


async def test_how_a_node_runs_and_what_flows_to_it_is_set_in_the_form(platform, open_console, accessible) -> None:
    page = await open_console("new-workflow")
    await fill(page, "Name", "each-finding")
    await add(page, "security-scanner", "scanRepository", "scan")
    # What the trigger sends, with its types: neither what it does not send, nor what the input does not take.
    insert = page.get_by_label("repositoryPath: insert a template")
    branch = page.locator("option", has_text="context.branch: the input 'repositoryPath' takes no null")
    await expect(branch.first).to_be_disabled()
    await insert.select_option("{{ context.repositoryPath }}")
    await add(page, "notifier", "sendSlackAlert", "tell")
    gives = page.get_by_label("What scan gives")
    await expect(gives).to_contain_text("reads nothing of it. What fits:")
    await gives.get_by_text("What does not fit, and why").click()
    await expect(gives).to_contain_text("nodes.scan.output.vulnerabilities: this does not always fit")
    await gives.get_by_role("button", name="scanId → channel").click()
    await expect(gives).to_have_count(0)
    await fill(page, "channel (needed)", "#a")

    await page.get_by_text("Repetition, failures, limits").click()
    await fill(
        page,
        "For each item of (a template that gives a list, or a JSON list; empty: once)",
        "{{ nodes.scan.output.vulnerabilities }}",
    )
    await page.get_by_label("message: insert a template").select_option("{{ item.file }}")
    await fill(page, "Items at once", "2")
    await fill(page, "Items at once", "two")
    await expect(page.get_by_role("alert")).to_contain_text("two is no whole number")
    await fill(page, "Retries (after failures that can pass)", "3")
    await fill(page, "Seconds before the first retry (doubled each time)", "0.5")
    await page.get_by_label("When it fails", exact=True).select_option("continue")
    await fill(page, "Time limit in seconds (at most 1800)", "60")
    await fill(page, "Memory in MB", "256")
    await accessible(page)

    await page.get_by_role("tab", name="Workflow").click()
    await page.get_by_role("button", name="Add a trigger").click()
    await page.get_by_label("Started by (2)").select_option("schedule")
    await fill(page, "Cron", "0 6 * * 1")
    await page.get_by_label("Times that were missed").select_option("skip")
    await expect(page.get_by_text("Started by (1)")).to_be_visible()
    await page.get_by_label("Name of the output").fill("count")
    await page.get_by_label("Template of the output").fill("{{ nodes.scan.output.summary.total }}")
    await page.get_by_role("button", name="Add output").click()
    await page.get_by_text("Status, context, runs at once, trust").click()
    await fill(page, "Runs at once", "1")
    await page.get_by_label("A run that finds no place").select_option("skip")
    await accessible(page)

    assert yaml.safe_load(await text_of(page)) == {
        "name": "each-finding",
        "description": "",
        "trigger": [{"event": "graph.file.updated"}, {"schedule": "0 6 * * 1", "missed": "skip"}],
        "nodes": [
            {
                "id": "scan",
                "agent": "security-scanner",
                "action": "scanRepository",
                "inputs": {"repositoryPath": "{{ context.repositoryPath }}"},
            },
            {
                "id": "tell",
                "agent": "notifier",
                "action": "sendSlackAlert",
                "dependsOn": ["scan"],
                "inputs": {"channel": "#a", "message": "{{ item.file }}"},
                "foreach": "{{ nodes.scan.output.vulnerabilities }}",
                "maxParallel": 2,
                "retries": {"max": 3, "backoffSeconds": 0.5},
                "onFailure": "continue",
                "timeoutSeconds": 60,
                "memoryMb": 256,
            },
        ],
        "outputs": {"count": "{{ nodes.scan.output.summary.total }}"},
        "concurrency": {"limit": 1, "onConflict": "skip"},
    }
    # A schedule sends no repository: the compiler says so, and the form offers it no more.
    await page.get_by_text("Nodes as a list").click()
    await page.get_by_role("button", name="scan", exact=True).click()
    await fill(page, "repositoryPath (needed)", "")
    missing = page.locator("option", has_text="context.repositoryPath: the input 'repositoryPath' takes no null")
    await expect(missing.first).to_be_disabled()


async def test_a_workflow_is_called_by_another(platform, open_console) -> None:
    await platform.save(MISSION)
    page = await open_console("new-workflow")
    await fill(page, "Name", "caller")
    await page.get_by_role("button", name="Add a call of security-audit-deploy").click()
    await page.get_by_label("Name of the input").fill("repositoryPath")
    await page.get_by_label("Value or template").fill("{{ context.repositoryPath }}")
    await page.get_by_role("button", name="Add input").click()
    [node] = yaml.safe_load(await text_of(page))["nodes"]
    assert node == {
        "id": "security-audit-deploy",
        "workflow": "security-audit-deploy",
        "inputs": {"repositoryPath": "{{ context.repositoryPath }}"},
    }


async def test_a_workflow_is_built_and_deployed_by_keyboard_alone(platform, open_console) -> None:
    page = await open_console("new-workflow")
    keys = page.keyboard

    async def reach(target: Locator) -> None:
        for _ in range(250):
            if await target.evaluate_all("found => found.includes(document.activeElement)"):
                return
            await keys.press("Tab")
        raise AssertionError(f"no key leads to {target}")

    async def write(label: str, text: str) -> None:
        await reach(page.get_by_label(label, exact=True))
        await keys.press("Control+A")
        await keys.type(text)
        await keys.press("Tab")

    async def press(role: str, name: str) -> None:
        await reach(page.get_by_role(role, name=name, exact=True))
        await keys.press("Enter")

    await expect(page.get_by_role("button", name="Add security-scanner scanRepository")).to_be_visible()
    await write("Name", "by-keys")
    await press("button", "Add security-scanner scanRepository")
    await write("Id", "scan")
    await write("repositoryPath (needed)", "/repo")
    await press("button", "Add security-assessor evaluateRisk")
    await write("Id", "assess")
    await press("button", "vulnerabilities: template")
    await write("vulnerabilities (needed)", "{{ nodes.scan.output.vulnerabilities }}")
    await expect(page.locator(".react-flow__edge")).to_have_count(1)
    await reach(page.get_by_role("combobox", name="Approval", exact=True))
    await keys.type("yes")
    # Back to a node that is there: the graph itself is for pointers.
    await reach(page.locator("summary").filter(has_text="Nodes as a list"))
    await keys.press("Enter")
    await press("button", "scan")
    await expect(page.get_by_role("heading", name="scan", exact=True)).to_be_visible()
    await press("button", "Deploy …")
    await press("button", "Deploy")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    [saved] = await platform.records.workflows(1)
    assert saved.name == "by-keys"


async def test_one_history_over_form_canvas_and_text(platform, open_console) -> None:
    page = await open_console("new-workflow")
    before = await text_of(page)
    await page.get_by_role("button", name="Add notifier sendSlack", exact=True).click()
    await fill(page, "channel (needed)", "#a")
    await page.get_by_role("tab", name="YAML").click()
    await page.get_by_label("Workflow as YAML").click()
    await page.keyboard.press("Control+Home")
    await page.keyboard.type("# mine\n")
    assert (await text_of(page)).startswith("# mine\nname:")
    for _ in range(12):  # typing may count as several steps
        await page.get_by_role("button", name="Undo").click()
    assert await text_of(page) == before
    for _ in range(12):  # typing may count as several steps
        await page.get_by_role("button", name="Redo").click()
    changed = await text_of(page)
    assert changed.startswith("# mine")
    assert 'channel: "#a"' in changed
    await expect(page.locator("[data-node=send-slack]")).to_be_visible()


async def test_a_node_that_is_dragged_to_the_graph_and_connected_is_in_the_text(platform, open_console) -> None:
    page = await open_console("new-workflow")
    graph = page.get_by_role("region", name="Graph of the workflow")
    await page.get_by_role("button", name="Add security-scanner scanRepository").drag_to(graph)
    await expect(page.locator("[data-node=scan-repository]")).to_be_visible()
    await page.locator(".react-flow__pane").click(position={"x": 5, "y": 5})
    await page.get_by_role("button", name="Add security-assessor evaluateRisk").drag_to(graph)
    await expect(page.locator("[data-node=evaluate-risk]")).to_be_visible()
    assert "dependsOn" not in await text_of(page)
    source = page.locator("[data-node=scan-repository] .react-flow__handle-right")
    target = page.locator("[data-node=evaluate-risk] .react-flow__handle-left")
    await source.drag_to(target)
    assert "dependsOn: [scan-repository]" in await text_of(page)


async def test_what_a_form_cannot_change_is_refused_and_kept(platform, open_console) -> None:
    page = await open_console("new-workflow")
    await page.get_by_role("tab", name="YAML").click()
    await page.get_by_label("Workflow as YAML").click()
    await page.keyboard.press("Control+End")
    await page.keyboard.type("odd: [")
    before = await text_of(page)
    await page.get_by_role("button", name="Add notifier sendSlack", exact=True).click()
    await expect(page.get_by_role("alert")).to_contain_text("That was not done: the YAML has a mistake")
    assert await text_of(page) == before


async def test_a_second_editor_overwrites_nothing(platform, open_console, accessible) -> None:
    await platform.save(WEEKLY)
    page = await open_console("workflows/compliance-check-weekly")
    await page.get_by_role("tab", name="Workflow").click()
    await fill(page, "Description", "mine")
    theirs = WEEKLY.replace("security@company.com", "boss@company.com")
    await platform.save(theirs)
    await page.get_by_role("button", name="Deploy …").click()
    await page.get_by_role("button", name="Deploy", exact=True).click()
    await expect(page.get_by_role("heading", name="Somebody else has changed it")).to_be_visible()
    await expect(page.get_by_label("what is deployed now")).to_contain_text("boss@company.com")
    newest = await platform.records.newest_version(1, "compliance-check-weekly")
    assert newest.text == theirs
    await page.get_by_role("button", name="Go on with the right side").click()
    await page.get_by_role("button", name="Deploy …").click()
    await page.get_by_role("button", name="Deploy", exact=True).click()
    await expect(page.get_by_role("dialog")).to_have_count(0)
    newest = await platform.records.newest_version(1, "compliance-check-weekly")
    assert newest.text == WEEKLY.replace("Weekly compliance audit with auto-remediation", "mine")


async def test_a_mistake_is_shown_where_it_is_and_mended_by_its_fix(platform, open_console) -> None:
    page = await open_console("new-workflow")
    await page.get_by_role("tab", name="YAML").click()
    await page.get_by_label("Workflow as YAML").click()
    await page.keyboard.press("Control+a")
    await page.keyboard.press("Delete")
    await page.keyboard.insert_text(WEEKLY.replace("agent: notifier", "agent: notifer"))
    problems = page.get_by_role("region", name="Problems")
    await expect(problems).to_contain_text("notifer")
    await problems.get_by_role("button", name="Fix it").click()
    await expect(problems).to_contain_text("None. Plan")
    # Only lines on screen are in the document of the page.
    await page.get_by_role("tab", name="Node").click()
    await expect(page.locator("[data-node=email-stakeholders]")).to_contain_text("notifier · sendEmail")


async def test_a_test_shows_the_path_on_the_graph(platform, open_console, picture) -> None:
    await platform.save(MISSION)
    page = await open_console("workflows/security-audit-deploy")
    await expect(page.locator("[data-node]")).to_have_count(4)
    await page.get_by_role("button", name="Test …").click()
    await page.get_by_role("button", name="Test", exact=True).click()
    await expect(page.get_by_role("dialog")).to_contain_text("a person is asked at create-fix-pr")
    await page.get_by_role("button", name="Close").click()
    await expect(page.locator("[data-node=scan]")).to_contain_text("succeeded")
    await picture(page, "builder-test")


async def test_a_schedule_is_told_in_words(platform, open_console) -> None:
    await platform.save(WEEKLY)
    page = await open_console("workflows/compliance-check-weekly")
    await page.get_by_role("tab", name="Workflow").click()
    panel = page.get_by_role("tabpanel", name="Workflow")
    await expect(panel).to_contain_text("Monday")
    await expect(panel.get_by_role("listitem")).to_have_count(5)


async def test_a_draft_that_does_not_compile_is_kept(platform, open_console) -> None:
    await platform.save(WEEKLY)
    page = await open_console("workflows/compliance-check-weekly")
    await page.get_by_role("button", name="Add notifier sendSlack", exact=True).click()
    await page.get_by_role("button", name="Save draft").click()
    await expect(page.get_by_text("draft saved")).to_be_visible()
    await page.reload()
    await expect(page.locator("[data-node=send-slack]")).to_be_visible()
    await expect(page.get_by_text("your draft")).to_be_visible()

    # Somebody else goes on with it meanwhile: nothing is overwritten.
    theirs = WEEKLY.replace("name: compliance-check-weekly", "name: compliance-check-weekly # of Bob")
    await platform.records.save_draft(1, "compliance-check-weekly", theirs, by="Bob", base_etag=None)
    await page.get_by_role("button", name="Undo").click()
    await page.get_by_role("tab", name="Workflow").click()
    await fill(page, "Description", "mine")
    await page.get_by_role("button", name="Save draft").click()
    await expect(page.get_by_role("heading", name="Somebody else has changed it")).to_be_visible()
    await expect(page.get_by_label("the draft of now")).to_contain_text("of Bob")
    await page.get_by_role("button", name="Go on with the right side").click()
    await page.get_by_role("button", name="Save draft").click()
    await expect(page.get_by_text("draft saved")).to_be_visible()
    await page.get_by_role("link", name="Workflows", exact=True).first.click()
    listed = page.get_by_role("list", name="Drafts")
    await expect(listed).to_contain_text("by Ann")
    await listed.get_by_role("link", name="compliance-check-weekly").click()
    await expect(page.get_by_role("button", name="Discard draft")).to_be_visible()
    # Another tab was quicker: what is wanted is so already.
    [draft] = await platform.records.drafts(1)
    await platform.records.delete_draft(1, draft.name)
    await page.get_by_role("button", name="Discard draft").click()
    await expect(page.get_by_text("draft discarded")).to_be_visible()
    await page.reload()
    await expect(page.get_by_text("as deployed")).to_be_visible()


async def test_text_that_is_not_saved_is_there_again_and_lines_keep_their_ends(platform, open_console) -> None:
    foreign = WEEKLY.replace("\n", "\r\n")
    await platform.save(foreign)
    page = await open_console("workflows/compliance-check-weekly")
    await page.get_by_role("tab", name="Workflow").click()
    await fill(page, "Description", "mine")
    await page.get_by_role("link", name="Runs", exact=True).click()
    await expect(page.get_by_role("heading", name="Runs", exact=True)).to_be_visible()
    await page.go_back()
    await expect(page.get_by_text("This is what you had not saved")).to_be_visible()
    await page.get_by_role("button", name="Throw it away").click()
    await expect(page.get_by_text("as deployed")).to_be_visible()
    await page.get_by_role("tab", name="Workflow").click()
    await fill(page, "Description", "mine")
    await page.reload()
    await page.get_by_role("button", name="Deploy …").click()
    await page.get_by_role("button", name="Deploy", exact=True).click()
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await page.reload()
    await expect(page.get_by_text("as deployed")).to_be_visible()
    newest = await platform.records.newest_version(1, "compliance-check-weekly")
    assert newest.text == foreign.replace("Weekly compliance audit with auto-remediation", "mine")

    # The text before it, beside the present one.
    await page.get_by_role("button", name="Versions …").click()
    await page.get_by_role("button", name="Compare version 1").click()
    await expect(page.get_by_label("Version 1", exact=True)).to_contain_text("auto-remediation")
    await page.get_by_role("button", name="Take the left side").click()
    await page.get_by_role("tab", name="Workflow").click()
    await expect(page.get_by_label("Description", exact=True)).to_have_value(
        "Weekly compliance audit with auto-remediation"
    )

    # Another name is another workflow, and the old one may go with it.
    await fill(page, "Name", "audited")
    await page.get_by_role("button", name="Deploy …").click()
    await expect(page.get_by_role("dialog")).to_contain_text("It was opened as compliance-check-weekly")
    await page.get_by_role("button", name="Deploy", exact=True).click()
    await page.wait_for_url("**/workflows/audited")
    names = {each.name: each.status for each in await platform.records.workflows(1)}
    assert names == {"audited": "ACTIVE", "compliance-check-weekly": "ARCHIVED"}
    assert (await platform.records.newest_version(1, "audited")).text == foreign.replace(
        "compliance-check-weekly", "audited", 1
    )

    # The same from the list of workflows.
    await page.goto(f"{platform.address}/console/workflows")
    await expect(page.get_by_role("button", name="Start compliance-check-weekly")).to_have_count(0)
    await page.get_by_role("button", name="Rename audited").click()
    await page.get_by_label("New name").fill("checked")
    await page.get_by_role("button", name="Rename", exact=True).click()
    await page.get_by_role("button", name="Archive checked").click()
    await page.get_by_role("button", name="Archive", exact=True).click()
    await expect(page.get_by_role("button", name="Archive checked")).to_have_count(0)
    names = {each.name: each.status for each in await platform.records.workflows(1)}
    assert names == dict.fromkeys(("audited", "compliance-check-weekly", "checked"), "ARCHIVED")
