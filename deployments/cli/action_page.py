"""An action's help -> its page on a terminal: in words, fields as tables, an example node and a mock to copy."""

from __future__ import annotations

from rich.text import Text

from deployments.cli.output import console, print_rows
from operations.action_help import ActionHelp, fields_of
from tasks.safe_text import safe_text


def print_action(help: ActionHelp) -> None:
    """Show what the action takes and gives, and how a workflow and its test use it."""
    agent, action = help.agent, help.action
    _say(f"{agent.name} {agent.version}: {action.name}", style="bold")
    if action.description:
        _say(action.description)
    _say(f"risk: {agent.action_risk(action.name)}" + (f"; effect: {action.effect}" if action.effect else ""))
    for title, schema in (("Inputs", action.input_schema), ("Output", action.output_schema)):
        console.print()
        print_rows(
            fields_of(schema),
            columns=("name", "required", "type", "description"),
            title=title,
            as_json=False,
            on_page=True,
        )
    _block("A node of a workflow that runs it:", help.node_yaml())
    _block("A mock for the workflow's .test.yaml (fields that you leave out are filled in):", help.mock_yaml())
    _say("The whole schemas: add --json.", style="dim")


def _block(title: str, text: str) -> None:
    console.print()
    _say(title, style="bold")
    for line in safe_text(text, limit=8_000).rstrip("\n").split("\n"):
        console.print(Text(f"  {line}"), soft_wrap=True)


def _say(text: str, *, style: str = "") -> None:
    console.print(Text(safe_text(text, limit=2_000), style=style), soft_wrap=True)
