"""A run -> its log lines from Prefect, each with the node it is about; read once, or followed until the run ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from logging import getLevelName
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    LogFilter,
    LogFilterFlowRunId,
    LogFilterTimestamp,
)
from prefect.client.schemas.objects import Log, TaskRun
from prefect.client.schemas.sorting import LogSort

from records import Records, Run
from tasks.task_graph import node_of

PAGE = 200
LOOK_SECONDS = 0.5
_LATE = timedelta(seconds=10)
"""Prefect sends log lines in batches, and several processes do so: older lines may come after newer ones."""
_QUIET_LOOKS = 4
"""How often nothing new must be found after the run's end: its last batch is on its way."""


@dataclass(frozen=True, kw_only=True)
class RunLogLine:
    """One message."""

    at: datetime
    level: str
    node: str | None
    """None: about the run as a whole."""
    attempt: str
    """Name of the task run: the node, its item and its retry."""
    message: str


@dataclass(kw_only=True)
class RunLog:
    """The log of one run, read in pieces; no line is given twice."""

    client: PrefectClient
    flow_run_id: UUID
    _seen: dict[UUID, datetime] = field(default_factory=dict[UUID, datetime])
    _newest: datetime | None = None
    _attempts: dict[UUID, TaskRun] = field(default_factory=dict[UUID, TaskRun])

    async def read_new(self) -> list[RunLogLine]:
        """Lines that were not given yet, oldest first."""
        # Prefect's own type of moment, which a plain one is taken for.
        after = (
            None if self._newest is None else LogFilterTimestamp.model_validate({"after_": self._newest - _LATE})
        )
        chosen = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[self.flow_run_id]), timestamp=after)
        found: list[Log] = []
        while True:
            page = await self.client.read_logs(
                log_filter=chosen, limit=PAGE, offset=len(found), sort=LogSort.TIMESTAMP_ASC
            )
            found += page
            if len(page) < PAGE:
                break
        fresh = [each for each in found if each.id not in self._seen]
        if any(each.task_run_id is not None and each.task_run_id not in self._attempts for each in fresh):
            await self._read_attempts()
        self._remember(fresh)
        return [self._line(each) for each in fresh]

    def _remember(self, fresh: list[Log]) -> None:
        for each in fresh:
            self._seen[each.id] = each.timestamp
            self._newest = max(self._newest or each.timestamp, each.timestamp)
        if self._newest is not None:
            oldest = self._newest - 2 * _LATE
            self._seen = {id: at for id, at in self._seen.items() if at >= oldest}

    async def _read_attempts(self) -> None:
        mine = FlowRunFilter(id=FlowRunFilterId(any_=[self.flow_run_id]))
        read = 0
        while True:
            page = await self.client.read_task_runs(flow_run_filter=mine, limit=PAGE, offset=read)
            self._attempts |= {each.id: each for each in page}
            read += len(page)
            if len(page) < PAGE:
                return

    def _line(self, log: Log) -> RunLogLine:
        attempt = self._attempts.get(log.task_run_id) if log.task_run_id is not None else None
        return RunLogLine(
            at=log.timestamp,
            level=getLevelName(log.level),
            node=None if attempt is None else node_of(attempt),
            attempt="" if attempt is None else attempt.name,
            message=log.message,
        )


async def follow_log(
    run: Run, *, records: Records, client: PrefectClient, follow: bool
) -> AsyncGenerator[RunLogLine]:
    """All lines there are; with `follow` also those to come, until the run has ended and nothing more arrives."""
    if run.flow_run_id is None:
        return
    log = RunLog(client=client, flow_run_id=UUID(run.flow_run_id))
    quiet = 0
    while True:
        # Asked for before the lines are read: what an ended run has logged is in the next ones.
        ended = (await records.run(run.id)).finished_at is not None
        lines = await log.read_new()
        for line in lines:
            yield line
        quiet = 0 if lines else quiet + 1
        if not follow or (ended and quiet >= _QUIET_LOOKS):
            return
        await asyncio.sleep(LOOK_SECONDS)
