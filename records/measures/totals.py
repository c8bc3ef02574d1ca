"""What happened -> exact totals: counted in the transaction of the change, neither lost nor repeated by a crash.

Each change inserts rows of its own, so that no transaction waits for another one's total. A total is the sum of its
rows; `fold_totals` replaces many rows by their sum.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import RowMapping, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from observability.metrics.definitions import Example, Sample, Total
from observability.traces.ids import trace_id
from records.database.connections import is_traced
from records.database.store import Store, first, rows
from records.tables import METRIC_TOTAL
from records.tables.columns import now
from reliability.shielded import shielded

_MOST_FOLDED = 50_000
_WORTH_IT = 1_000
_EXAMPLE = ("exampleTrace", "exampleValue", "exampleAt")
_KEY = (METRIC_TOTAL.c.metric, METRIC_TOTAL.c.labels, METRIC_TOTAL.c.bucket)


async def count(connection: AsyncConnection, *samples: Sample, flow_run_id: str | None = None) -> None:
    """Count them in this transaction. With tracing, the trace of the flow run becomes an example of their buckets."""
    traced = flow_run_id is not None and is_traced(connection)
    about = {
        "exampleTrace": trace_id(flow_run_id or "") if traced else None,
        "exampleAt": now() if traced else None,
    }
    values = [
        {
            "metric": each.metric.name,
            "labels": json.dumps(each.labels, ensure_ascii=False),
            "bucket": each.metric.bucket_of(each.value),
            "count": each.count,
            "sum": each.value * each.count,
            "exampleValue": each.value if traced else None,
        }
        | about
        for each in samples
        if each.count
    ]
    if values:
        await connection.execute(METRIC_TOTAL.insert(), values)


class TotalStore(Store):
    """Totals of all metrics."""

    @shielded
    async def metric_totals(self) -> list[Total]:
        """What has been counted since the database was made, by metric, labels and bucket."""
        summed = select(
            *_KEY, func.sum(METRIC_TOTAL.c.count).label("n"), func.sum(METRIC_TOTAL.c.sum).label("total")
        )
        newest = (
            select(func.max(METRIC_TOTAL.c.id)).where(METRIC_TOTAL.c.exampleTrace.is_not(None)).group_by(*_KEY)
        )
        examples = select(METRIC_TOTAL).where(METRIC_TOTAL.c.id.in_(newest))
        async with self._db.read() as connection:
            found = await rows(connection, summed.group_by(*_KEY))
            known = {_key(row): _example(row) for row in await rows(connection, examples)}
        return [
            Total(
                metric=row["metric"],
                labels=tuple(json.loads(row["labels"])),
                bucket=row["bucket"],
                count=int(row["n"]),
                sum=int(row["total"]),
                example=known.get(_key(row)),
            )
            for row in found
        ]

    @shielded
    async def fold_totals(self, *, at_least: int = _WORTH_IT) -> int:
        """Replace rows by their sums where there are at least that many; returns how many rows went."""
        async with self._db.write() as connection:
            known = await first(
                connection, select(func.count().label("n"), func.max(METRIC_TOTAL.c.id).label("last"))
            )
            if known is None or known["n"] < at_least:
                return 0
            chosen = select(METRIC_TOTAL.c.id).order_by(METRIC_TOTAL.c.id).limit(_MOST_FOLDED).scalar_subquery()
            gone = delete(METRIC_TOTAL).where(METRIC_TOTAL.c.id.in_(chosen)).returning(*METRIC_TOTAL.c)
            # Another process that folds at the same time waits here, and then finds these rows gone.
            taken = list((await connection.execute(gone)).mappings().all())
            if taken:
                await connection.execute(METRIC_TOTAL.insert(), list(_sums(taken)))
        return len(taken)


def _key(row: RowMapping) -> tuple[str, str, int]:
    return row["metric"], row["labels"], row["bucket"]


def _example(row: RowMapping) -> Example:
    return Example(trace_id=row["exampleTrace"], value=int(row["exampleValue"]), at=row["exampleAt"].timestamp())


def _sums(taken: Iterable[RowMapping]) -> Iterable[Mapping[str, Any]]:
    sums: dict[tuple[str, str, int], dict[str, Any]] = {}
    for row in sorted(taken, key=lambda row: row["id"]):
        key = _key(row)
        total = sums.setdefault(
            key,
            {"metric": key[0], "labels": key[1], "bucket": key[2], "count": 0, "sum": 0} | dict.fromkeys(_EXAMPLE),
        )
        total["count"] += row["count"]
        total["sum"] += row["sum"]
        if row["exampleTrace"] is not None:  # the newest comes last
            total |= {name: row[name] for name in _EXAMPLE}
    return sums.values()
