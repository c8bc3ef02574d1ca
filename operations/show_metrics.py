"""The records and what else can be asked -> the page of metrics, the same from every part that serves it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from prefect.client.orchestration import PrefectClient

from observability.log_errors import LogErrors
from observability.metrics.definitions import Total
from observability.metrics.exposition import CONTENT_TYPE, Gauge, render
from records import Records

log = logging.getLogger(__name__)

Source = Callable[[], Awaitable[Iterable[Gauge]]]
"""Gives gauges. May raise: the page then says that this source is away, and holds the rest."""
KEEP_SECONDS = 1.0
"""Whoever asks again within this time gets the same page: many readers cost what one costs."""
SOURCE_SECONDS = 3.0
_MOST_WORKERS = 100
_FORGOTTEN = timedelta(days=1)
_UP = "commandcenter_metrics_source_up"


@dataclass(kw_only=True)
class MetricsPage:
    """Makes the page. `sources`: by name, what is asked besides the records."""

    records: Records
    sources: Mapping[str, Source] = field(default_factory=dict[str, Source])
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _made_at: float = -KEEP_SECONDS
    _made: tuple[Sequence[Total], Sequence[Gauge]] = ((), ())

    async def __call__(self, content_type: str = CONTENT_TYPE) -> str:
        """The page in that format. Raises RecordsError where the database does not answer."""
        async with self._lock:
            if time.monotonic() - self._made_at >= KEEP_SECONDS:
                totals, live = await self.records.metric_totals(), await live_gauges(self.records)
                asked = await asyncio.gather(*(_ask(name, source) for name, source in self.sources.items()))
                self._made = totals, [*live, *(gauge for each in asked for gauge in each)]
                self._made_at = time.monotonic()
            return render(*self._made, content_type=content_type)


async def _ask(name: str, source: Source) -> Sequence[Gauge]:
    gauges: list[Gauge] = []
    try:
        async with asyncio.timeout(SOURCE_SECONDS):
            gauges = list(await source())
        up = 1
    except Exception as exc:
        log.debug("No metrics from %s: %s", name, exc or type(exc).__name__)
        up = 0
    text = "Whether this part of the page could be read"
    return [*gauges, Gauge(name=_UP, help=text, value=up, labels={"source": name})]


async def live_gauges(records: Records) -> list[Gauge]:
    """What lies open on record."""
    numbers = await records.live_numbers()
    gauges = [
        _gauge("runs", "Open runs by status", count, status=status) for status, count in numbers.runs.items()
    ]
    gauges += [
        _gauge("oldest_queued_run_seconds", "Age of the oldest run that has not begun", numbers.oldest_queued),
        _gauge("approvals_pending_all", "Approvals that wait for a person", sum(numbers.approvals.values())),
        *(
            _gauge("approvals_pending", "Approvals that wait for a person, by workflow", count, workflow_name=name)
            for name, count in sorted(numbers.approvals.items())
        ),
        _gauge("oldest_approval_seconds", "Age of the oldest pending approval", numbers.oldest_approval),
        _gauge("outbox_events", "Events that are not published yet", numbers.outbox),
        _gauge("outbox_oldest_seconds", "Age of the oldest unpublished event", numbers.oldest_event),
        _gauge("spans_waiting", "Spans that are not exported yet", numbers.spans),
        _gauge("dead_letters_stored", "Dead letters on record", numbers.dead_letters),
        _gauge("database_bytes", "Size of the records database", numbers.database_bytes),
    ]
    for name, slots in sorted(numbers.slots.items()):
        for state, count in (("held", slots.held), ("waiting", slots.waiting), ("free", slots.free)):
            text = "Slots of workflows with `concurrency`"
            gauges.append(_gauge("slots", text, count, workflow_name=name, state=state))
    return gauges


def worker_gauges(client: PrefectClient, pool: str) -> Source:
    """Heartbeats of the workers in a pool, as Prefect knows them."""

    async def ask() -> Iterable[Gauge]:
        now = datetime.now(UTC)
        found = await client.read_workers_for_work_pool(pool, limit=_MOST_WORKERS)
        ages = {
            each.name: now - each.last_heartbeat_time for each in found if each.last_heartbeat_time is not None
        }
        online = sum(str(each.status).rpartition(".")[2] == "ONLINE" for each in found)
        return [
            _gauge("workers_online", "Workers that send heartbeats", online),
            *(
                _gauge(
                    "worker_heartbeat_age_seconds",
                    "Time since a worker's heartbeat",
                    age.total_seconds(),
                    worker=name,
                )
                for name, age in sorted(ages.items())
                if age < _FORGOTTEN
            ),
        ]

    return ask


def log_gauges(folder: Path) -> Source:
    """Errors that the parts of an embedded stack log again and again, by part."""
    readers: dict[Path, LogErrors] = {}

    def look() -> list[Gauge]:
        for file in sorted(folder.glob("*.log"))[:20]:
            readers.setdefault(file, LogErrors(file))
        at = time.monotonic()
        text = "Repeated errors of one kind in a part's log within ten minutes; 0: all is well"
        return [
            _gauge(
                "part_log_errors", text, 0 if (found := reader.look(at)) is None else found.count, part=file.stem
            )
            for file, reader in readers.items()
        ]

    async def ask() -> Iterable[Gauge]:
        return await asyncio.to_thread(look)

    return ask


def _gauge(name: str, text: str, value: float, **labels: str) -> Gauge:
    return Gauge(name=f"commandcenter_{name}", help=text, value=value, labels=labels)
