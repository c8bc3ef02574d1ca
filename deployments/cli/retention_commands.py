"""`prune`: old runs, inbox entries, dead letters and plans are deleted."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

import typer
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.exceptions import ObjectNotFound

from deployments.cli.options import DEFAULT_STATE, Json, State, run
from deployments.cli.output import console, print_json
from deployments.stack.connection import connect, open_records
from operations.prune import InvalidRetention, Pruned, Retention, prune

_DEFAULT = Retention()
_PAGE = 200
Days = Annotated[int, typer.Option(min=0, help="Days to keep ended runs, with their approvals and artifacts.")]


class PrefectFlowRuns:
    """Deletes flow runs by Prefect's API, with what their pages show: Prefect keeps an artifact when its run goes."""

    def __init__(self, client: PrefectClient) -> None:
        self._client = client

    async def delete(self, flow_run_id: str) -> None:
        """Delete it; one that is gone already is no error."""
        of_run = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[UUID(flow_run_id)]))
        while found := await self._client.read_artifacts(artifact_filter=of_run, limit=_PAGE):
            for each in found:
                with suppress(ObjectNotFound):
                    await self._client.delete_artifact(each.id)
        try:
            await self._client.delete_flow_run(UUID(flow_run_id))
        except ObjectNotFound:
            return


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("prune")(prune_command)


def prune_command(
    runs: Days = _DEFAULT.runs.days,
    inbox: Annotated[
        int, typer.Option(min=0, help="Days to keep which messages were handled.")
    ] = _DEFAULT.inbox.days,
    dead_letters: Annotated[
        int, typer.Option(min=0, help="Days to keep dead letters.")
    ] = _DEFAULT.dead_letters.days,
    max_dead_letters: Annotated[
        int, typer.Option(min=0, help="Dead letters to keep at most; the oldest go first.")
    ] = _DEFAULT.max_dead_letters,
    plans: Annotated[
        int, typer.Option(min=0, help="Days to keep plans that nothing refers to.")
    ] = _DEFAULT.plans.days,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how many runs would be deleted.")] = False,
    state: State = DEFAULT_STATE,
    as_json: Json = False,
) -> None:
    """Delete old runs, inbox entries, dead letters and unused plans. The audit of approvals is kept."""
    retention = Retention(
        runs=timedelta(days=runs),
        inbox=timedelta(days=inbox),
        dead_letters=timedelta(days=dead_letters),
        max_dead_letters=max_dead_letters,
        plans=timedelta(days=plans),
    )
    try:
        retention.check()
    except InvalidRetention as exc:
        raise typer.BadParameter(str(exc)) from exc
    if dry_run:
        count = run(_dry(retention, state))
        console.print(f"{count} runs would be deleted", highlight=False)
        return
    done = run(_prune(retention, state))
    if as_json:
        print_json(asdict(done))
    else:
        console.print(_summary(done), highlight=False)


async def _dry(retention: Retention, state: State) -> int:
    async with open_records(state) as records:
        return await records.count_ended_runs(datetime.now(UTC) - retention.runs)


async def _prune(retention: Retention, state: State) -> Pruned:
    async with connect(state) as connection:
        flow_runs = PrefectFlowRuns(connection.prefect)
        return await prune(retention, records=connection.records, flow_runs=flow_runs, at=datetime.now(UTC))


def _summary(done: Pruned) -> str:
    counts = (f"{done.runs} runs", f"{done.inbox} inbox entries", f"{done.dead_letters} dead letters")
    return f"deleted {', '.join(counts)} and {done.plans} plans"
