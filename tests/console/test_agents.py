"""An agent is registered in the browser: chosen, asked in the jail, its risk read, and only then registered."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

CODE = """\
from pydantic import BaseModel

from agents.sdk import Agent, Context

agent = Agent(
    name="greeter",
    type="SCRIPT",
    version="1.0.0",
    risk="AUTO",
    description="<b>Greets.</b>",
    network=["example.org:443"],
)


class Who(BaseModel):
    name: str


@agent.action("greet", description="Greet somebody by name")
def greet(who: Who, context: Context) -> Who:
    return who
"""


@pytest.mark.jail
async def test_a_folder_is_reviewed_and_registered_and_its_runs_are_told(
    platform, open_console, accessible, picture, tmp_path: Path
) -> None:
    folder = tmp_path / "greeter"
    folder.mkdir()
    (folder / "notes.txt").write_text("no agent here")
    page = await open_console("agents")
    await page.get_by_role("link", name="Register an agent").click()
    choose = page.get_by_label("The agent's folder")
    await choose.set_input_files(folder)
    await expect(page.get_by_role("alert")).to_contain_text("has no agent.py")

    (folder / "agent.py").write_text(CODE)
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "agent.cpython-311.pyc").write_bytes(b"\xff\x00")
    await choose.set_input_files(folder)
    review = page.get_by_role("region", name="Review")
    await expect(review).to_contain_text("greeter 1.0.0", timeout=120_000)
    await expect(review).to_contain_text("<b>Greets.</b>")
    await expect(review.get_by_role("row", name="greet ")).to_contain_text("needs approval")
    await expect(review.get_by_role("row", name="greet ")).to_contain_text("whatever it says of itself")
    await expect(review).to_contain_text("example.org:443")
    await accessible(page)
    await picture(page, "register-agent")
    assert "greeter" not in (await platform.records.catalogue(1)).agents
    await review.get_by_role("button", name="Register exactly this code").click()
    await expect(page.get_by_role("heading", name="greeter", level=1)).to_be_visible(timeout=120_000)
    past = page.get_by_role("region", name="Runs and versions")
    await expect(past).to_contain_text("no runs yet")

    started, _ = await platform.records.start_attempt(
        agent_name="greeter", inputs={}, project_id=1, agent_version="1.0.0", action="greet"
    )
    await platform.records.finish_agent_run(started, status="SUCCESS", duration_ms=12)
    await page.reload()
    await expect(past).to_contain_text("well")
    await expect(past).to_contain_text("1 run, 0 failed")
    await accessible(page)


async def test_who_is_no_admin_is_offered_no_registration(platform, open_console) -> None:
    page = await open_console("agents", name="Vic", roles=("viewer",))
    await expect(page.get_by_role("link", name="notifier")).to_be_visible()
    await expect(page.get_by_role("link", name="Register an agent")).to_have_count(0)
