"""`logs RUN [NODE]`: what a run and its agents logged, with the node in each line; `-f` goes on until the run ends."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from compiler.plan import PlanDigest
from deployments.cli.options import DEFAULT_STATE, Project, RunId, State, run
from deployments.cli.output import console
from deployments.errors import DeploymentError
from deployments.stack.connection import StackConnection, connect
from operations.run_detail import run_detail
from operations.run_logs import RunLogLine, follow_log
from records import Run
from tasks.safe_text import safe_text

WHOLE_RUN = "(run)"
_STYLES = {"ERROR": "red", "CRITICAL": "red", "WARNING": "yellow", "DEBUG": "dim"}


class UnknownNode(DeploymentError):
    """The workflow of the run has no node of that id."""


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("logs")(logs_command)


def logs_command(
    run_id: RunId,
    node: Annotated[str | None, typer.Argument(metavar="[NODE]", help="Only the lines of this node.")] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Print new lines as they come, until the run has ended.")
    ] = False,
    state: State = DEFAULT_STATE,
    project: Project = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")] = False,
) -> None:
    """Print what a run and its agents logged, with the node in each line."""
    run(_logs(run_id, node, follow=follow, state=state, project_id=project, as_json=as_json))


async def _logs(
    run_id: str, node: str | None, *, follow: bool, state: Path, project_id: int, as_json: bool
) -> None:
    async with connect(state) as connection:
        found = (await run_detail(connection.records, run_id, project_id=project_id)).run
        width = await _node_width(found, node, connection)
        lines = follow_log(found, records=connection.records, client=connection.prefect, follow=follow)
        async for line in lines:
            if node is None or line.node == node:
                _print(line, width=width, as_json=as_json)


async def _node_width(found: Run, node: str | None, connection: StackConnection) -> int:
    """Characters of the longest node id. Raises `UnknownNode`."""
    plan = await connection.records.plan(PlanDigest(found.plan_digest or ""))
    names = [each.id for each in plan.nodes]
    if node is not None and node not in names:
        raise UnknownNode(
            f"workflow {found.workflow_name!r} has no node {node!r}; its nodes are: {', '.join(names)}"
        )
    return max(len(name) for name in (*names, WHOLE_RUN))


def _print(line: RunLogLine, *, width: int, as_json: bool) -> None:
    if as_json:
        data = {
            "at": line.at.isoformat(),
            "level": line.level,
            "node": line.node,
            "attempt": line.attempt or None,
            "message": line.message,
        }
        sys.stdout.write(json.dumps(data, ensure_ascii=False) + "\n")
        sys.stdout.flush()
        return
    name = safe_text(line.attempt or WHOLE_RUN, limit=100)
    before = f"{line.at:%H:%M:%S}  {name:<{width}}  {line.level:<7}  "
    for text in safe_text(line.message, limit=20_000).split("\n"):
        console.print(Text(before + text, style=_STYLES.get(line.level, "")), soft_wrap=True)
