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

from observability.metrics.definitions import Sample, Total
from records.database.store import Store, first, rows
from records.tables import METRIC_TOTAL
from reliability.shielded import shielded

_MOST_FOLDED = 50_000
_WORTH_IT = 1_000
_KEY = (METRIC_TOTAL.c.metric, METRIC_TOTAL.c.labels, METRIC_TOTAL.c.bucket)


async def count(connection: AsyncConnection, *samples: Sample) -> None:
    """Count them in this transaction."""
    values = [
        {
            "metric": each.metric.name,
            "labels": json.dumps(each.labels, ensure_ascii=False),
            "bucket": each.metric.bucket_of(each.value),
            "count": each.count,
            "sum": each.value * each.count,
        }
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
        async with self._db.read() as connection:
            found = await rows(connection, summed.group_by(*_KEY))
        return [
            Total(
                metric=row["metric"],
                labels=tuple(json.loads(row["labels"])),
                bucket=row["bucket"],
                count=int(row["n"]),
                sum=int(row["total"]),
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


def _sums(taken: Iterable[RowMapping]) -> Iterable[Mapping[str, Any]]:
    sums: dict[tuple[str, str, int], dict[str, Any]] = {}
    for row in taken:
        key = (row["metric"], row["labels"], row["bucket"])
        total = sums.setdefault(key, {"metric": key[0], "labels": key[1], "bucket": key[2], "count": 0, "sum": 0})
        total["count"] += row["count"]
        total["sum"] += row["sum"]
    return sums.values()
