"""An environment that was made, or could not be -> its span and its place in the totals."""

from __future__ import annotations

from observability.environment_build import EnvironmentBuild
from observability.metrics.definitions import ENVIRONMENT_BUILD, Sample
from observability.traces.ids import run_span_id, span_id, trace_id
from observability.traces.span import Span, present
from records.database.connections import is_traced
from records.database.store import Store, insert_new
from records.measures.totals import count
from records.tables import SPAN
from records.tables.columns import now
from reliability.shielded import shielded

_MAX_TEXT = 500


class BuildStore(Store):
    """Environments of agents, as they are made."""

    @shielded
    async def note_environment_build(
        self,
        build: EnvironmentBuild,
        *,
        project_id: int,
        agent: str | None = None,
        flow_run_id: str | None = None,
        reopened: int = 0,
    ) -> None:
        """Count it, once for each id. It belongs to the run that caused it, below the run's span; without one it is a
        trace of its own."""
        failed = build.outcome != "made"
        span = Span(
            trace_id=build.id if flow_run_id is None else trace_id(flow_run_id),
            span_id=span_id("environment", build.id),
            parent_id=None if flow_run_id is None else run_span_id(flow_run_id, reopened),
            name="environment.build",
            start_ms=build.start_ms,
            end_ms=build.end_ms,
            attributes=present(
                {
                    "project.id": project_id,
                    "agent.name": agent,
                    "environment.digest": f"sha256:{build.digest}",
                    "environment.packages": build.packages,
                    "environment.outcome": build.outcome,
                    "error.type": build.outcome if failed else None,
                }
            ),
            status="error" if failed else "ok",
            message=build.message[:_MAX_TEXT],
        )
        values = {"spanId": span.span_id, "traceId": span.trace_id, "content": span.as_json(), "createdAt": now()}
        async with self._db.write() as connection:
            if not is_traced(connection):
                # Kept for a day as one that was exported is: the row says that this build is counted.
                values |= {"content": {}, "exportedAt": now()}
            if await insert_new(connection, SPAN, values):
                spent = Sample(
                    metric=ENVIRONMENT_BUILD, labels=(build.outcome,), value=max(0, build.end_ms - build.start_ms)
                )
                await count(connection, spent, flow_run_id=flow_run_id)
