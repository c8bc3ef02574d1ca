"""`agents show NAME ACTION`: its examples fit, and its node and mock work as they are printed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from agents.registration.builtin_agents import builtin_catalogue
from compiler import Source, read_cases
from compiler.schemas.validation import validate
from deployments.cli.main import app
from operations.action_help import action_help

ACTIONS = [
    (agent.name, action) for agent in builtin_catalogue().agents.values() for action in sorted(agent.actions)
]


def command(state: Path, *arguments: str) -> Any:
    return CliRunner().invoke(app, [*arguments], env={"COMMANDCENTER_STATE": str(state)})


@pytest.mark.parametrize(("name", "action"), ACTIONS)
def test_the_examples_of_every_action_fit_its_schemas_and_the_mock_can_be_read(name: str, action: str) -> None:
    agent = builtin_catalogue().agents[name]
    explained = action_help(agent, agent.actions[action])
    assert validate(explained.input_example, agent.actions[action].input_schema) == []
    assert validate(explained.output_example, agent.actions[action].output_schema) == []
    (case,) = read_cases(Source(explained.mock_yaml(), "x.test.yaml"))
    assert case.mocks["my-node"].output == explained.output_example


@pytest.mark.parametrize(("name", "action"), ACTIONS)
def test_the_printed_node_and_mock_pass_commandcenter_test_as_they_are(
    tmp_path: Path, name: str, action: str
) -> None:
    shown = command(tmp_path, "agents", "show", name, action, "--json")
    assert shown.exit_code == 0, shown.output
    explained = json.loads(shown.output)
    node = yaml.safe_load(explained["node"])
    workflow = {"name": "tried", "trigger": {"event": "ops.tried"}, **node}
    (tmp_path / "tried.yaml").write_text(yaml.safe_dump(workflow, sort_keys=False))
    (tmp_path / "tried.test.yaml").write_text(explained["mock"])
    tested = command(tmp_path, "test", str(tmp_path / "tried.yaml"))
    assert tested.exit_code == 0, tested.output + explained["node"]


def test_the_page_names_fields_example_and_mock_and_unknown_names_are_told_the_known_ones(tmp_path: Path) -> None:
    shown = command(tmp_path, "agents", "show", "security-scanner", "scanRepository").output
    for each in ("repositoryPath\tyes\tstring (repository)", "FULL | INCREMENTAL", "# Output", "mocks:", "nodes:"):
        assert each in shown, each
    assert "scanRepository" in command(tmp_path, "agents", "show", "security-scanner").output
    assert "there are: code-reviewer" in str(command(tmp_path, "agents", "show", "scanner").exception)
    assert "scanFile" in str(command(tmp_path, "agents", "show", "security-scanner", "scan").exception)
