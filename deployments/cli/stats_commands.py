"""`stats`: the four dashboards as tables, from the same totals, for people without Grafana."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import typer

from deployments.cli.audit_commands import DatabaseUrl
from deployments.cli.options import DEFAULT_STATE, Json, State, run
from deployments.cli.output import print_json, print_rows
from deployments.stack.addresses import records_url
from operations.show_stats import Stats, show_stats
from records import Records


def register(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("stats")(stats_command)


def stats_command(state: State = DEFAULT_STATE, database_url: DatabaseUrl = None, as_json: Json = False) -> None:
    """Show runs, agents, approvals and events in numbers, exact since the database was made."""
    stats = run(_stats(state, database_url))
    if as_json:
        print_json(asdict(stats))
        return
    for title, rows in asdict(stats).items():
        print_rows(rows, columns=list(rows[0]) if rows else [title], title=title, as_json=False, on_page=True)


async def _stats(state: Path, database_url: str | None) -> Stats:
    async with await Records.open(database_url or records_url(state)) as records:
        return await show_stats(records)
