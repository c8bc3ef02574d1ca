"""`audit verify|export`: the record of who asked, voted and decided, checked and taken along."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from deployments.cli.options import DEFAULT_STATE, Json, State, run
from deployments.cli.output import console, print_json
from deployments.stack.addresses import records_url
from records import Records
from records.approvals.audit_chain import ChainReport

SCHEMA = "commandcenter.audit/v1"
"""Names the fields of an exported line; a change of them takes another number."""
_PAGE = 1_000

app = typer.Typer(help="The audit of approvals.", no_args_is_help=True)
DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        envvar="DATABASE_URL", help="Records database; that of the platform on the state folder by default."
    ),
]


@app.command("verify")
def verify_command(
    head: Annotated[
        str | None, typer.Option(help="Hash of the last entry as noted down earlier; finds a cut-off end.")
    ] = None,
    state: State = DEFAULT_STATE,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Check that no entry of the audit was changed, removed or inserted. Exit status 1 where one was."""
    report = run(_verify(state, database_url, head))
    if as_json:
        print_json(asdict(report) | {"intact": report.intact})
    else:
        console.print(_summary(report), markup=False, highlight=False)
    raise typer.Exit(0 if report.intact else 1)


@app.command("export")
def export_command(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write; standard output if left out.")
    ] = None,
    state: State = DEFAULT_STATE,
    database_url: DatabaseUrl = None,
) -> None:
    """Write all entries as JSON lines, oldest first, each with its hash and the hash before it."""
    run(_export(state, database_url, output))


def _summary(report: ChainReport) -> str:
    older = f", {report.before_chain} older ones without hashes before them" if report.before_chain else ""
    if report.intact:
        return f"the audit is intact: {report.entries} entries{older}\nhead {report.head}"
    where = f"entry {report.broken_at}" if report.broken_at else "the end"
    return f"the audit was changed at {where}: {report.fault}\nentries {report.entries}{older}, head {report.head}"


@asynccontextmanager
async def _records(state: Path, database_url: str | None) -> AsyncGenerator[Records]:
    async with await Records.open(database_url or records_url(state)) as records:
        yield records


async def _verify(state: Path, database_url: str | None, head: str | None) -> ChainReport:
    async with _records(state, database_url) as records:
        return await records.verify_audit(expected_head=head)


async def _export(state: Path, database_url: str | None, output: Path | None) -> None:
    async with _records(state, database_url) as records:
        if output is None:
            await _write(records, sys.stdout)
            return
        with output.open("w", encoding="utf-8") as file:
            await _write(records, file)


async def _write(records: Records, file: Any) -> None:
    after = 0
    while page := await records.audit_page(after=after, limit=_PAGE):
        for entry in page:
            file.write(json.dumps({"schema": SCHEMA, **entry}, default=_text, ensure_ascii=False) + "\n")
        after = page[-1]["id"]


def _text(value: object) -> str:
    return value.isoformat(timespec="milliseconds") if isinstance(value, datetime) else str(value)


def register(to: typer.Typer) -> None:
    """Add the commands of this file."""
    to.add_typer(app, name="audit")
