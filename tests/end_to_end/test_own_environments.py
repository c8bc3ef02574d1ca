"""Agents that bring packages, and agents in other languages, in a workflow on a whole platform."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from package_server import package_server

AGENT = """\
import tinywords

from agents.sdk import Agent, Context, Schema

agent = Agent(name="worded", type="SCRIPT", version="1.0.0", risk="AUTO")


class Said(Schema):
    text: str


@agent.action("say")
def say(said: Said, context: Context) -> Said:
    return Said(text=f"{tinywords.WORD}, {said.text}")
"""
WORKFLOW = """\
name: own-environments
nodes:
  - {id: shell, agent: in-shell, action: greet, inputs: {name: "{{ context.marker }}"}}
  - id: packages
    agent: worded
    action: say
    inputs: {text: "{{ nodes.shell.output.text }}"}
    dependsOn: [shell]
  - id: node
    agent: in-node
    action: greet
    inputs: {name: "{{ nodes.packages.output.text }}"}
    dependsOn: [packages]
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="no Node.js on this machine")
async def test_an_agent_with_packages_and_agents_in_shell_and_node_work_in_a_workflow_until_they_are_removed(
    platform: Any, watch: Any, tmp_path: Path
) -> None:
    worded = tmp_path / "worded"
    worded.mkdir(mode=0o755)
    (worded / "agent.py").write_text(AGENT)
    with package_server() as index:
        (worded / "requirements.txt").write_text(
            index.add("tinywords", "2.1", {"tinywords.py": "WORD = 'Good day'\n"})
        )
        # Only who registers it needs the index: the worker finds the environment in the state folder.
        pip = {"PIP_INDEX_URL": index.url, "PIP_CONFIG_FILE": "/dev/null", "PIP_FIND_LINKS": ""}
        replace(platform, env=platform.env | pip).cli("agents", "register", str(worded))
    for name, language in (("in-shell", "shell"), ("in-node", "node")):
        platform.cli("agents", "new", name, "--lang", language, "--to", str(tmp_path / name))
        platform.cli("agents", "register", str(tmp_path / name))
        assert "2 cases, 0 failed" in platform.cli("agents", "test", name).stdout, "of the registered copy"
    (tmp_path / "own.yaml").write_text(WORKFLOW)
    platform.cli("deploy", str(tmp_path / "own.yaml"))
    platform.cli("trigger", "own-environments", "--context", "marker=Ada")
    detail = await watch.ended({"marker": "Ada"}, seconds=180)
    assert detail.run.status == "SUCCESS", detail.as_json()
    told = {each.node_id: each.output for each in detail.agent_runs}
    assert told["node"] == {"text": "Hello Good day, Hello Ada"}
    refused = platform.cli("agents", "remove", "worded", check=False)
    assert refused.returncode == 1
    assert "agent 'worded' is used by 'own-environments'" in refused.stderr
    platform.cli("workflows", "archive", "own-environments")
    assert "worded is archived" in platform.cli("agents", "remove", "worded").stdout
    assert "no agent 'worded'" in platform.cli("agents", "show", "worded", check=False).stderr
